// SPDX-License-Identifier: MIT

// Echo-go is a TCP echo server (RFC 862): a goroutine per connection.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

var splice = flag.Bool("splice", false, "io.Copy instead of a read/write loop")

func main() {
	log.SetFlags(0)
	log.SetPrefix("echo-go: ")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: echo-go [-splice] [HOST [PORT]]")
	}
	flag.Parse()

	host, port := "127.0.0.1", "1234"
	switch flag.NArg() {
	case 2:
		port = flag.Arg(1)
		fallthrough
	case 1:
		host = flag.Arg(0)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil || flag.NArg() > 2 || strings.HasPrefix(host, "-") {
		flag.Usage()
		os.Exit(2)
	}

	listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		log.Fatal(err)
	}
	log.Print("listening on ", listener.Addr())
	for {
		conn, err := listener.Accept()
		if err != nil {
			// Most likely out of descriptors: wait for some connections to close.
			log.Print(err)
			time.Sleep(100 * time.Millisecond)
			continue
		}
		// An error ends its own connection and nothing else.
		go serve(conn)
	}
}

func serve(conn net.Conn) error {
	defer conn.Close()
	if *splice {
		_, err := io.Copy(conn, conn)
		return err
	}
	return echo(conn)
}

func echo(conn net.Conn) error {
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := conn.Write(buf[:n]); err != nil {
			return err
		}
	}
}
