// Headers of sortable tables become buttons: up, down, then the first order again.
(() => {
  "use strict";
  const NEXT = { none: "ascending", ascending: "descending", descending: "none" };
  const figure = (row, column) => {
    const key = row.cells[column].dataset.key;
    return key === undefined ? null : Number(key);
  };
  const compare = (column, numeric) => (a, b) => {
    if (!numeric) {
      return a.cells[column].textContent.localeCompare(b.cells[column].textContent, "en");
    }
    return figure(a, column) - figure(b, column);
  };
  for (const table of document.querySelectorAll("table[data-sortable]")) {
    const body = table.tBodies[0];
    const first = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const numeric = first.some((row) => figure(row, column) !== null);
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const order = NEXT[head.getAttribute("aria-sort")];
        heads.forEach((other) => other.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", order);
        // What has no figure stands last, whichever way.
        const missing = first.filter((row) => numeric && figure(row, column) === null);
        const rows = first.filter((row) => !missing.includes(row));
        if (order !== "none") rows.sort(compare(column, numeric));
        if (order === "descending") rows.reverse();
        body.append(...(order === "none" ? first : [...rows, ...missing]));
      });
    });
  }
})();
