#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench against real servers of other protocols than echo, where they are installed.
# shellcheck disable=SC2154,SC2034,SC2317,SC2016 # shared with lib.sh; tests are called by name; $ is the protocol's
# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

# Starts a server that then listens on 127.0.0.1:$port.
server_start() {
        command -v "$1" >/dev/null || skip "$1 is not installed"
        port=$(port_free)
        "${@//PORT/$port}" >server.out 2>server.err &
        children+=($!)
        await listens
}

listens() {
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null
}

# Both engines, one request at a time and several; every reply is right.
protocol_works() {
        local engine depth
        for engine in uring epoll; do
                "$BENCH" --engine $engine --dry-run >/dev/null 2>&1 || continue
                for depth in 1 8; do
                        bench --engine $engine -c 10 --depth $depth -d 300ms -t "127.0.0.1:$port" --json result.json "$@"
                        expect_status 0
                        expect_json '.errors.total == 0 and .requests.total > 100 and .connections.never_served == 0'
                done
        done
}

redis_start() {
        server_start redis-server --port PORT --save '' --appendonly no --dir "$PWD"
}

test_redis_answers_ping() {
        redis_start
        protocol_works --request 'PING\r\n' --reply '+PONG\r\n'
        protocol_works --request 'PING\r\n' --reply-bytes 7
}

test_redis_gives_back_what_was_set() {
        redis_start
        protocol_works --request '*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n' --reply '+OK\r\n'
        protocol_works --request '*2\r\n$3\r\nGET\r\n$1\r\nk\r\n' --reply '$5\r\nvalue\r\n'
}

test_a_redis_that_answers_otherwise_is_found_out() {
        redis_start
        bench -c 2 -d 200ms -t "127.0.0.1:$port" --request 'PONG\r\n' --reply '+PONG\r\n' --json result.json
        expect_status 3
        expect_json '.errors.mismatch.corrupt >= 2'
}

test_memcached_answers_version_and_get() {
        server_start memcached -l 127.0.0.1 -p PORT -U 0 -u root
        protocol_works --request 'version\r\n' --reply-until '\r\n'
        protocol_works --request 'get nothing\r\n' --reply 'END\r\n'
}

test_nginx_serves_a_file() {
        command -v nginx >/dev/null || skip "nginx is not installed"
        mkdir -p www temporary
        echo "the whole file" >www/index.html
        cat >nginx.conf <<'CONFIGURATION'
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events { worker_connections 256; }
http {
        access_log off;
        keepalive_requests 1000000;
        client_body_temp_path temporary; proxy_temp_path temporary; fastcgi_temp_path temporary;
        uwsgi_temp_path temporary; scgi_temp_path temporary;
        server { listen 127.0.0.1:PORT; root www; }
}
CONFIGURATION
        port=$(port_free)
        sed -i "s/PORT/$port/" nginx.conf
        nginx -p "$PWD" -c "$PWD/nginx.conf" >server.out 2>server.err &
        children+=($!)
        await listens
        protocol_works --request 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' --reply-until 'the whole file\n'
}

run_tests "$@"
