// How figures are written, and how they are put into the page. Runs in the browser; all text from outside goes through textContent.
(() => {
  const { document } = globalThis;
  const by = (id) => document.getElementById(id);
  const none = '–';
  const sideNames = { legacy: 'monolith', saga: 'saga' };

  // Figures as the report has them: three digits that count, thousands apart, the unit behind.
  const number = (value) => {
    if (value === null || value === undefined) return none;
    const size = Math.abs(value);
    const digits = Number.isInteger(value) || size >= 100 ? 0 : size >= 10 ? 1 : 2;
    return value.toFixed(digits).replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f');
  };
  const withUnit = (value, unit) => (value === null || value === undefined ? none : `${number(value)}\u00a0${unit}`);
  const count = (value, limit) => (value > limit ? `more than ${number(limit)}` : number(value));
  const percent = (part, all) => (all > 0 ? `${((100 * part) / all).toFixed(1)}\u00a0%` : none);
  const span = (seconds) => {
    if (seconds === null || seconds === undefined) return none;
    const s = Math.round(seconds);
    if (s < 90) return `${s}\u00a0s`;
    if (s < 5_400) return `${Math.round(s / 60)}\u00a0min`;
    return s < 172_800 ? `${Math.round(s / 3_600)}\u00a0h` : `${Math.round(s / 86_400)}\u00a0days`;
  };
  const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hourCycle: 'h23' });

  /** Touches the page only where it differs, so that a screen reader hears changes and nothing else. */
  const text = (element, value) => {
    if (element.textContent !== value) element.textContent = value;
  };
  const show = (id, value) => text(by(id), value);
  const element = (tag, value, className) => {
    const made = document.createElement(tag);
    if (value !== undefined) made.textContent = value;
    if (className) made.className = className;
    return made;
  };
  const replaceIfNew = (parent, children) => {
    const next = element('div');
    next.append(...children);
    if (next.innerHTML !== parent.innerHTML) parent.replaceChildren(...next.childNodes);
  };
  const facts = (id, rows) =>
    replaceIfNew(
      by(id),
      rows.flatMap(([name, value]) => [element('dt', name), element('dd', value)]),
    );
  const badge = (value, level) => element('span', value, `badge ${level}`);
  const figure = (id, value) =>
    replaceIfNew(by(id), [value instanceof globalThis.Node ? value : document.createTextNode(value)]);

  globalThis.figures = {
    by,
    none,
    sideNames,
    number,
    withUnit,
    count,
    percent,
    span,
    clock,
    text,
    show,
    element,
    replaceIfNew,
    facts,
    badge,
    figure,
  };
})();
