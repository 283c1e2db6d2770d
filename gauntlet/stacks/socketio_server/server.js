// A chat server on Socket.IO 4, written as its documentation shows it: messages are kept in memory,
// and a send is acknowledged after the message was stored and emitted to its room. The stack
// `socketio` runs it, and the adapter `socketio` speaks with it.
//
//   node server.js PORT RECOVERY_MS PING_MS PONG_MS
//
// RECOVERY_MS is how long Socket.IO keeps the state of a lost connection (0: it keeps none).
"use strict";

const { createServer } = require("node:http");
const { Server } = require("socket.io");

const [port, recovery, pingInterval, pingTimeout] = process.argv.slice(2).map(Number);
const http = createServer((request, response) => response.end("socket.io\n"));
const io = new Server(http, {
  serveClient: false,
  pingInterval,
  pingTimeout,
  ...(recovery > 0 && { connectionStateRecovery: { maxDisconnectionDuration: recovery } }),
});

const stored = new Map(); // for each conversation, its messages by the id that the sender chose

io.use((socket, next) => {
  const { user } = socket.handshake.auth;
  if (typeof user !== "string" || user === "") {
    next(new Error("auth.user must be a name"));
    return;
  }
  socket.data.user = user;
  next();
});

io.on("connection", (socket) => {
  socket.on("subscribe", (convs) => {
    socket.join(convs);
    // Socket.IO recovers a connection only from the last broadcast that the client received. This
    // one makes it possible for clients that have not received a message yet.
    io.to(socket.id).emit("subscribed", convs.length);
  });

  socket.on("send", ({ conv, id, body }, acknowledge) => {
    const messages = stored.get(conv) ?? new Map();
    stored.set(conv, messages);
    if (!messages.has(id)) {
      const message = { conv, id, from: socket.data.user, body };
      messages.set(id, message);
      socket.to(conv).emit("message", message);
    }
    acknowledge({ stored: id });
  });
});

http.listen(port, "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
