// k6's own WebSocket module, with one virtual user per connection; an echo triggers the next send.
import ws from "k6/ws";
import { Counter, Trend } from "k6/metrics";

const echoMs = new Trend("echo_ms", true);
const echoes = new Counter("echoes");
const payload = "x".repeat(120);
const paceMs = Number(__ENV.PACE_MS);

export default function () {
  ws.connect(__ENV.URL, {}, (socket) => {
    let sentMs = 0;
    const send = () => {
      sentMs = Date.now();
      socket.send(payload);
    };
    const firstMs = 1 + paceMs * Math.random(); // spreads the connections over the pace
    socket.on("open", () => socket.setTimeout(send, firstMs));
    socket.on("message", () => {
      echoMs.add(Date.now() - sentMs);
      echoes.add(1);
      if (paceMs) socket.setTimeout(send, Math.max(1, paceMs - (Date.now() - sentMs)));
      else send();
    });
    socket.setTimeout(() => socket.close(), 1000 * Number(__ENV.SECONDS));
  });
}
