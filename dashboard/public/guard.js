// Says so where a script of the page does not arrive or fails: a page is never silently empty.
(() => {
  function show(text) {
    const place = document.getElementById("failures") ?? document.body;
    const box = document.createElement("p");
    box.className = "failure";
    box.setAttribute("role", "alert");
    box.textContent = text;
    if (place) place.append(box);
  }
  addEventListener("error", (event) => {
    const source = event.target?.src ?? event.target?.href;
    if (source) show(`A part of this page did not load: ${source}. Reload the page, or build the site again.`);
    else show(`This page failed: ${event.message}. Please report it with the snapshot's id below.`);
  }, true);
  addEventListener("unhandledrejection", (event) => {
    show(`This page failed: ${event.reason?.message ?? event.reason}. Please report it with the snapshot's id below.`);
  });
})();
