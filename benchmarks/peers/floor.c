// The least that a round trip costs here: a WebSocket client of epoll, in C, without statistics.
//
//     floor PORT CONNECTIONS PACE_S SECONDS
//
// With a pace it is an open model: sends at random times, CONNECTIONS / PACE_S per second, on
// random connections. With a pace of 0, each connection sends again when its echo has arrived.
#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PAYLOAD = 120, SENT = PAYLOAD + 6, ECHOED = PAYLOAD + 2, EVENTS = 1024 };

static unsigned char frame[SENT];

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int open_connection(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    char text[4096];
    int length = snprintf(text, sizeof text,
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", port);
    if (write(fd, text, length) != length) fail("write");
    for (int got = 0; got < 4 || memcmp(text + got - 4, "\r\n\r\n", 4); got++)
        if (read(fd, text + got, 1) != 1) fail("handshake");
    return fd;
}

static void send_frame(int fd) {
    if (write(fd, frame, SENT) != SENT) fail("write");
}

int main(int count, char **arguments) {
    if (count != 5) return 2;
    int connections = atoi(arguments[2]), epoll = epoll_create1(0);
    double pace_s = atof(arguments[3]), end_s = now_s() + atof(arguments[4]);
    frame[0] = 0x81;            // a whole text message
    frame[1] = 0x80 | PAYLOAD;  // masked, with a mask of zeros
    memset(frame + 6, 'x', PAYLOAD);
    int *fds = calloc(connections, sizeof *fds);
    long *received = calloc(connections, sizeof *received);
    for (int at = 0; at < connections; at++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = at};
        fds[at] = open_connection(atoi(arguments[1]));
        epoll_ctl(epoll, EPOLL_CTL_ADD, fds[at], &event);
    }
    if (!pace_s)
        for (int at = 0; at < connections; at++) send_frame(fds[at]);
    static struct epoll_event events[EVENTS];
    static char buffer[1 << 16];
    for (double time_s = now_s(), due_s = time_s; time_s < end_s; time_s = now_s()) {
        int wait_ms = 100;
        if (pace_s) {
            for (; due_s <= time_s; due_s -= log(1 - drand48()) * pace_s / connections)
                send_frame(fds[(int)(drand48() * connections)]);
            double left_ms = (due_s - time_s) * 1e3;
            wait_ms = left_ms < 100 ? (int)left_ms + 1 : 100;
        }
        int ready = epoll_wait(epoll, events, EVENTS, wait_ms);
        for (int at = 0; at < ready; at++) {
            int link = events[at].data.u32;
            int bytes = read(fds[link], buffer, sizeof buffer);
            if (bytes <= 0) fail("read");
            long before = received[link] / ECHOED;
            received[link] += bytes;
            if (!pace_s)
                for (long echo = received[link] / ECHOED; echo > before; echo--)
                    send_frame(fds[link]);
        }
    }
    return 0;
}
