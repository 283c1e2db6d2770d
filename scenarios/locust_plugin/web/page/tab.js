"use strict";
// Shows ./im/ below Locust's tabs while the tab "IM" is chosen. Locust redraws its page as it
// likes; so we look again now and then instead of trusting that what we added stays.
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
    const chosen = document.querySelector('[role="tab"][aria-selected="true"]');
    if (!chosen || chosen.textContent.trim() !== "IM") {
      frame.remove();
      return;
    }
    const container = chosen.closest(".MuiContainer-root") || document.querySelector("#root");
    if (frame.parentElement !== container) container.append(frame);
    fit();
  }, 150);
}
