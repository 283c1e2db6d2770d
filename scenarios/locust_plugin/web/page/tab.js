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
