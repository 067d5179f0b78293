// SPDX-License-Identifier: MIT

//! A TCP echo server (RFC 862) on Tokio's multi-threaded runtime: a task per connection.

use std::{env, io, process, time::Duration};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{lookup_host, TcpListener, TcpSocket, TcpStream};
use tokio::time::sleep;

/// As large as it gets: the kernel lowers it to net.core.somaxconn.
const BACKLOG: u32 = 65535;

#[tokio::main]
async fn main() {
    let address = address_from_args().unwrap_or_else(|| {
        eprintln!("usage: echo-tokio [HOST [PORT]]");
        process::exit(2);
    });
    if let Err(e) = serve(&address).await {
        eprintln!("echo-tokio: cannot listen on {address}: {e}");
        process::exit(1);
    }
}

fn address_from_args() -> Option<String> {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.len() > 2 || args.iter().any(|arg| arg.starts_with('-')) {
        return None;
    }
    let host = args.first().map_or("127.0.0.1", String::as_str);
    let port: u16 = args.get(1).map_or(Ok(1234), |arg| arg.parse()).ok()?;
    Some(if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    })
}

/// Returns only if it cannot listen.
async fn serve(address: &str) -> io::Result<()> {
    let listener = listen(address).await?;
    eprintln!("echo-tokio: listening on {}", listener.local_addr()?);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // An error ends its own connection and nothing else.
                tokio::spawn(echo(stream));
            }
            Err(e) => {
                // Most likely out of descriptors: wait for some connections to close.
                eprintln!("echo-tokio: accept: {e}");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// TcpListener::bind() with a backlog of our own, in place of Tokio's 1024.
async fn listen(address: &str) -> io::Result<TcpListener> {
    let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
    for addr in lookup_host(address).await? {
        let socket = if addr.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.set_reuseaddr(true)?;
        result = socket.bind(addr).and_then(|()| socket.listen(BACKLOG));
        if result.is_ok() {
            break;
        }
    }
    result
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    // A message larger than the buffer comes back in several writes: with Nagle's algorithm the last
    // would wait for a delayed acknowledgement, 40 ms later.
    stream.set_nodelay(true)?;
    let mut buf = [0; 4096];
    loop {
        let n = stream.read(&mut buf).await?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buf[..n]).await?;
    }
}
