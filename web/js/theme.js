// Before anything is painted: the colours and the direction that the person has chosen here.
"use strict";
(() => {
  const root = document.documentElement;
  const kept = (name) => {
    try {
      return localStorage.getItem(name);
    } catch {
      return null; // storage may be forbidden
    }
  };
  const theme = kept("aviary.theme");
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  if (kept("aviary.dir") === "rtl") root.dir = "rtl";
})();
