// Make the headers of sortable tables buttons: ascending, descending, original order.
(() => {
  "use strict";
  const NEXT = { none: "ascending", ascending: "descending", descending: "none" };
  const number = (row, column) => {
    const key = row.cells[column].dataset.key;
    return key === undefined ? null : Number(key);
  };
  const compare = (column, numeric) => (a, b) => {
    if (!numeric) {
      return a.cells[column].textContent.localeCompare(b.cells[column].textContent, "en");
    }
    return number(a, column) - number(b, column);
  };
  for (const table of document.querySelectorAll("table[data-sortable]")) {
    const body = table.tBodies[0];
    const original = [...body.rows];
    const headers = [...table.tHead.rows[0].cells];
    headers.forEach((header, column) => {
      const numeric = original.some((row) => number(row, column) !== null);
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      header.append(button);
      header.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const order = NEXT[header.getAttribute("aria-sort")];
        headers.forEach((other) => other.setAttribute("aria-sort", "none"));
        header.setAttribute("aria-sort", order);
        // Rows without a number stay last in both directions.
        const missing = original.filter((row) => numeric && number(row, column) === null);
        const rows = original.filter((row) => !missing.includes(row));
        if (order !== "none") rows.sort(compare(column, numeric));
        if (order === "descending") rows.reverse();
        body.append(...(order === "none" ? original : [...rows, ...missing]));
      });
    });
  }
})();
