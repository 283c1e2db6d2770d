"use strict";
// Shows ./im/ below Locust's tabs while the tab "IM" is selected. Locust redraws its page at any
// time and removes what it did not add, so the script checks several times per second.
{
  const frame = document.createElement("iframe");
  frame.src = "./im/";
  frame.title = "IM";
  frame.style.cssText = "display:block;width:100%;border:0;height:900px";

  const dark = () => {
    const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/\d+/g);
    return Number(red) + Number(green) + Number(blue) < 384;
  };

  const fit = () => {
    const page = frame.contentDocument;
    if (!page || !page.body) return;
    page.documentElement.dataset.theme = dark() ? "dark" : "light";
    frame.style.height = `${page.body.scrollHeight}px`;
  };

  setInterval(() => {
    const selected = document.querySelector('[role="tab"][aria-selected="true"]');
    if (!selected || selected.textContent.trim() !== "IM") {
      frame.remove();
      return;
    }
    const container = selected.closest(".MuiContainer-root") || document.querySelector("#root");
    if (frame.parentElement !== container) container.append(frame);
    fit();
  }, 150);
}

// The users and the ramp of the start form follow its scenario, unless other values were typed.
{
  const fields = { userCount: "users", spawnRate: "spawn_rate" };
  const typed = new Set();

  const fill = (name, value) => {
    const field = document.querySelector(`input[name=${name}]`);
    if (!field || typed.has(name)) return;
    // The setter of the prototype, because Locust's page replaces that of its fields.
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(field, String(value));
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };

  document.addEventListener("input", (event) => {
    if (event.isTrusted && event.target.name in fields) typed.add(event.target.name);
  });
  document.addEventListener("change", async (event) => {
    if (event.target.name !== "scenario") return;
    const query = new URLSearchParams({ name: event.target.value });
    const response = await fetch(`./im/scenario.json?${query}`);
    if (!response.ok) return; // Start names what is wrong with the scenario
    const scenario = await response.json();
    for (const [name, key] of Object.entries(fields)) fill(name, scenario[key]);
  });
}
