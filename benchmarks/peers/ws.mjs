// The npm package `ws`, with one callback per echo and without statistics.
import { WebSocket } from "ws";

const [url, connections, paceS, seconds] = process.argv.slice(2);
const payload = "x".repeat(120);

for (let opened = 0; opened < Number(connections); opened++) {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const firstMs = 1000 * Number(paceS) * Math.random(); // spreads the connections over the pace
  socket.on("open", () => setTimeout(() => socket.send(payload), firstMs));
  socket.on("message", () => {
    if (Number(paceS)) setTimeout(() => socket.send(payload), 1000 * Number(paceS));
    else socket.send(payload);
  });
}
setTimeout(() => process.exit(0), 1000 * Number(seconds));
