// Drives a fault proxy with toxiproxy-node-client; see ../driver.py.

"use strict";

const readline = require("node:readline");
const { Toxiproxy } = require("toxiproxy-node-client");

const server = new Toxiproxy(process.argv[2]);

const proxyJson = ({ name, listen, upstream, enabled }) => ({ name, listen, upstream, enabled });

async function toxicOf({ proxy, name }) {
  return (await server.get(proxy)).getToxic(name);
}

// One function for each request; what a function returns is the answer.
const requests = {
  version: () => server.getVersion(),
  create: async ({ name, listen, upstream }) =>
    proxyJson(await server.createProxy({ name, listen, upstream })),
  proxies: async () => Object.keys(await server.getAll()).sort(),
  proxy: async ({ name }) => proxyJson(await server.get(name)),
  change: async ({ name, listen, upstream }) => {
    const proxy = await server.get(name);
    const { enabled } = proxy;
    return proxyJson(
      await proxy.update({
        enabled,
        listen: listen ?? proxy.listen,
        upstream: upstream ?? proxy.upstream,
      }),
    );
  },
  disable: async ({ name }) => {
    const proxy = await server.get(name);
    await proxy.update({ ...proxy.toJson(), enabled: false });
  },
  enable: async ({ name }) => {
    const proxy = await server.get(name);
    await proxy.update({ ...proxy.toJson(), enabled: true });
  },
  delete: async ({ name }) => (await server.get(name)).remove(),
  populate: async ({ proxies }) => Object.keys(await server.populate(proxies)).sort(),
  reset: () => server.reset(),
  add_toxic: async ({ proxy, toxic }) => {
    await (await server.get(proxy)).addToxic(toxic);
  },
  toxic: async (asked) => (await toxicOf(asked)).toJson(),
  update_toxic: async (asked) => {
    const toxic = await toxicOf(asked);
    const { toxicity, attributes } = asked;
    await toxic.update({ ...toxic.toJson(), toxicity, attributes });
  },
  remove_toxic: async (asked) => (await toxicOf(asked)).remove(),
};

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const asked = JSON.parse(line);
    let answer;
    try {
      answer = { ok: (await requests[asked.do](asked)) ?? null };
    } catch (error) {
      answer = { error: String(error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

main();
