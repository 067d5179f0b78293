// SPDX-License-Identifier: MIT

//! A TCP echo server (RFC 862) on the standard library alone: a thread per connection.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::raw::c_int;
use std::os::unix::io::AsRawFd;
use std::time::Duration;
use std::{env, process, thread};

/// As large as it gets: the kernel lowers it to net.core.somaxconn.
const BACKLOG: c_int = 65535;

extern "C" {
    fn listen(fd: c_int, backlog: c_int) -> c_int;
}

fn main() {
    let address = address_from_args().unwrap_or_else(|| {
        eprintln!("usage: echo-rust-threads [HOST [PORT]]");
        process::exit(2);
    });
    if let Err(e) = serve(&address) {
        eprintln!("echo-rust-threads: cannot listen on {address}: {e}");
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
fn serve(address: &str) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    enlarge_backlog(&listener)?;
    eprintln!("echo-rust-threads: listening on {}", listener.local_addr()?);
    let mut spawn_failed = false;
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(e) => {
                // Most likely out of descriptors: wait for some connections to close.
                eprintln!("echo-rust-threads: accept: {e}");
                thread::sleep(Duration::from_millis(100));
                continue;
            }
        };
        // Unlike thread::spawn(), this does not panic: a thread that cannot be had costs its own
        // connection, which is closed together with the closure that owns it.
        let spawned = thread::Builder::new().spawn(move || echo(stream));
        if let Err(e) = spawned {
            if !spawn_failed {
                eprintln!("echo-rust-threads: connections dropped, no thread for them: {e}");
                spawn_failed = true;
            }
        }
    }
}

/// The standard library listens with a backlog of 128. Listening again changes it in place.
fn enlarge_backlog(listener: &TcpListener) -> io::Result<()> {
    // SAFETY: the descriptor is open and stays so for as long as `listener` is borrowed.
    match unsafe { listen(listener.as_raw_fd(), BACKLOG) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    // A message larger than the buffer comes back in several writes: with Nagle's algorithm the last
    // would wait for a delayed acknowledgement, 40 ms later.
    stream.set_nodelay(true)?;
    let mut buf = [0; 4096];
    loop {
        let n = match stream.read(&mut buf) {
            Ok(0) => return Ok(()),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        stream.write_all(&buf[..n])?;
    }
}
