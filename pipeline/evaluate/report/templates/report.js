"use strict";
(() => {
  const button = document.getElementById("theme");
  const themes = ["auto", "light", "dark"];
  const show = (theme) => {
    document.documentElement.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
  };
  const remembered = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // a browser may forbid storage to local files
    }
  };
  const remember = (theme) => {
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // the choice lasts until the page is closed
    }
  };
  const stored = remembered();
  show(themes.includes(stored) ? stored : "auto");
  button.hidden = false;
  button.addEventListener("click", () => {
    const next = themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length];
    show(next);
    remember(next);
  });
})();
