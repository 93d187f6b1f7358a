"use strict";
(() => {
  const table = document.querySelector("table.trials");
  const form = document.querySelector("form.controls");

  if (table && form) {
    const trials = [...table.tBodies];
    const selects = [...form.querySelectorAll("select")];
    const order = {};
    for (const select of selects) {
      order[select.dataset.filter] = [...select.options].map((option) => option.value);
    }

    const filter = () => {
      let shown = 0;
      for (const trial of trials) {
        trial.hidden = selects.some((select) => select.value && trial.dataset[select.dataset.filter] !== select.value);
        shown += trial.hidden ? 0 : 1;
      }
      form.querySelector("output").textContent =
        shown === trials.length ? `${shown} trial${shown === 1 ? "" : "s"}` : `${shown} of ${trials.length} trials`;
      document.querySelector(".nothing").hidden = shown > 0;
    };

    // Values that are missing come last, whichever the direction.
    const compare = (first, second, key, sign) => {
      const [a, b] = [first.dataset[key], second.dataset[key]];
      if (a === b) return Number(first.dataset.id) - Number(second.dataset.id);
      if (a === "" || b === "") return a === "" ? 1 : -1;
      const position = order[key];
      return sign * (position ? position.indexOf(a) - position.indexOf(b) : Number(a) - Number(b));
    };

    const sort = (button) => {
      const header = button.closest("th");
      const direction = header.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", direction);
      const sign = direction === "ascending" ? 1 : -1;
      table.append(...trials.sort((a, b) => compare(a, b, button.dataset.sort, sign)));
    };

    form.addEventListener("change", filter);
    form.addEventListener("reset", () => setTimeout(filter));
    form.addEventListener("submit", (event) => event.preventDefault());
    table.tHead.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) sort(button);
    });
    filter(); // a browser that comes back to the page keeps what was selected
  }

  const openLinked = () => {
    const trial = document.getElementById(location.hash.slice(1));
    if (trial && trial.matches("tbody.trial")) trial.querySelector("details").open = true;
  };
  addEventListener("hashchange", openLinked);
  openLinked();

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("tbody:not([hidden]) details:not([open])")];
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
  });
})();
