#!/usr/bin/env node
// SPDX-License-Identifier: MIT

// A TCP echo server (RFC 862) on Node.js: one event loop, on one thread.
'use strict';

const net = require('node:net');

// As large as it gets: the kernel lowers it to net.core.somaxconn.
const BACKLOG = 65535;

const args = process.argv.slice(2);
const [host = '127.0.0.1', port = '1234'] = args;
if (args.length > 2 || host.startsWith('-') || !/^\d{1,5}$/.test(port) || Number(port) > 65535) {
  console.error('usage: echo-node [HOST [PORT]]');
  process.exit(2);
}

const server = net.createServer((socket) => {
  // An error ends its own connection and nothing else; without a listener it would end the process.
  socket.on('error', () => {});
  // Reads only as fast as the client does.
  socket.pipe(socket);
});

server.on('error', (error) => {
  if (server.listening) {
    console.error(`echo-node: accept: ${error.message}`);
    return;
  }
  console.error(`echo-node: cannot listen on ${host} port ${port}: ${error.message}`);
  process.exitCode = 1;
});

server.listen({ host, port: Number(port), backlog: BACKLOG }, () => {
  const { address, port: bound } = server.address();
  console.error(`echo-node: listening on ${address} port ${bound}`);
});
