// Draws the replay's page from the figures in it. It computes no figure: it formats, lays out and
// listens. Everything that comes from data reaches the page as text, never as markup.
"use strict";
(() => {
  const parsed = (id) => JSON.parse(document.getElementById(id).textContent);
  const WORDS = parsed("words");
  const DATA = parsed("data");
  const LOCALES = { es: "es-CO", en: "en-GB" };
  const CURRENCIES = DATA.money.map((one) => one.currency);
  const ROWS_AT_ONCE = 50;
  const WIDE = window.matchMedia("(min-width: 62rem)");
  let lang = "es";

  // ── Building nodes ─────────────────────────────────────────────────────────────────────────

  const SVG = "http://www.w3.org/2000/svg";
  function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (name === "style") Object.assign(node.style, value);
      else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
    return node;
  }
  function h(tag, attributes, ...children) {
    const [name, ...classes] = tag.split(".");
    const node = document.createElement(name);
    if (classes.length) node.className = classes.join(" ");
    return fill(node, attributes, children);
  }
  function s(tag, attributes, ...children) {
    return fill(document.createElementNS(SVG, tag), attributes, children);
  }
  const at = (id) => document.getElementById(id);
  const refill = (node, ...children) => { node.replaceChildren(); return fill(node, null, children); };
  const put = (id, ...children) => refill(at(id), ...children);

  // ── Words, numbers, amounts, dates ─────────────────────────────────────────────────────────

  const knows = (key) => key in WORDS[lang];
  const word = (key) => WORDS[lang][key] ?? key;
  // A code of the data in the reader's words, or the code itself made readable.
  const named = (family, code) => (knows(`${family}.${code}`) ? word(`${family}.${code}`) : String(code).replaceAll("_", " "));

  const made = new Map();
  function cached(kind, options, make) {
    const key = lang + kind + JSON.stringify(options);
    if (!made.has(key)) made.set(key, make());
    return made.get(key);
  }
  const minus = (text) => text.replace("-", "−");
  const number = (value) => cached("n", 0, () => new Intl.NumberFormat(LOCALES[lang], { useGrouping: "always" })).format(value);
  const percent = (permille) =>
    permille === null || permille === undefined
      ? word("none")
      : `${minus(cached("%", 0, () => new Intl.NumberFormat(LOCALES[lang], { maximumFractionDigits: 1 })).format(permille / 10))}${lang === "es" ? "\u00a0%" : "%"}`;
  const plural = (value) => cached("p", 0, () => new Intl.PluralRules(LOCALES[lang])).select(value) === "one";

  function decimal(minor, digits) {
    const text = String(Math.abs(minor)).padStart(digits + 1, "0");
    const whole = digits ? `${text.slice(0, -digits)}.${text.slice(-digits)}` : text;
    return (minor < 0 ? "-" : "") + whole;
  }
  function money(minor, currency, extra) {
    const digits = DATA.digits[currency] ?? 2;
    // ISO 4217 gives the Colombian peso two digits; nobody writes them when they are zero.
    const shown = currency === "COP" && minor % 100 === 0 ? 0 : digits;
    const options = { style: "currency", currency, minimumFractionDigits: shown, maximumFractionDigits: shown, useGrouping: "always", ...extra };
    try {
      return minus(cached("c", options, () => new Intl.NumberFormat(LOCALES[lang], options)).format(decimal(minor, digits)));
    } catch {
      return `${currency} ${decimal(minor, digits)}`; // a code that is no ISO currency
    }
  }
  // For the marks of a chart, which says its currency elsewhere.
  const compact = (minor, currency) =>
    minus(cached("k", 0, () => new Intl.NumberFormat(LOCALES[lang], { notation: "compact", maximumFractionDigits: 1 })).format(minor / 10 ** (DATA.digits[currency] ?? 2)));
  const signed = (minor, currency) => money(minor, currency, { signDisplay: "exceptZero" });
  function currencyName(currency) {
    try {
      // In the plural: «en pesos colombianos».
      const options = { style: "currency", currency, currencyDisplay: "name" };
      return cached("d", options, () => new Intl.NumberFormat(LOCALES[lang], options)).formatToParts(2).find((part) => part.type === "currency").value;
    } catch {
      return currency;
    }
  }

  // The clock on the wall as the data gives it, whatever zone this browser is in.
  const wall = (iso) => {
    const [, year, month, day, hour = 0, minute = 0, second = 0] = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d))?)?/.exec(iso) || [];
    return new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  };
  const dated = (iso, options) =>
    iso ? cached("t", options, () => new Intl.DateTimeFormat(LOCALES[lang], { timeZone: "UTC", ...options })).format(wall(iso)) : word("none");
  const longDay = (iso) => dated(iso, { dateStyle: "long" });
  // «30 dic 2025»: in a table the two «de» only stand in the way.
  const day = (iso) => dated(iso, { day: "numeric", month: "short", year: "numeric" }).replaceAll(" de ", " ");
  const clock = (iso) => dated(iso, { hour: "numeric", minute: "2-digit" });
  const moment = (iso) => (iso && iso.includes("T") ? `${dated(iso, { weekday: "short", day: "numeric", month: "short", year: "numeric" }).replaceAll(" de ", " ")}, ${clock(iso)}` : day(iso));
  const timeOf = (iso, shown) => h("time", { datetime: iso, title: iso }, shown);

  // A sentence with its figures set strong: {name} takes a value, {name:one|other} a number and
  // the noun that agrees with it.
  function rich(key, values) {
    return word(key).split(/(\{[^}]+\})/).filter(Boolean).map((part) => {
      if (part[0] !== "{") return part;
      const [name, forms] = part.slice(1, -1).split(":");
      const value = values[name];
      if (forms) {
        const [one, other] = forms.split("|");
        return [h("b", null, number(value)), "\u00a0" + (plural(value) ? one : other)];
      }
      return typeof value === "number" ? h("b", null, number(value)) : value;
    });
  }
  const plain = (key, values) => h("i", null, rich(key, values)).textContent;
  // Several nodes as a list of the language: a, b y c.
  function listed(items) {
    return items.flatMap((item, place) => (place === 0 ? [item] : [place === items.length - 1 ? word("and") : ", ", item]));
  }

  // ── Small pieces ───────────────────────────────────────────────────────────────────────────

  const ICONS = {
    email: "M3 6.5h18v11H3zM3.5 7l8.5 6.5L20.500 7",
    sms: "M4 5h16v11h-9l-4.500 3.500V16H4z",
    charge: "M6 3.500h9l3.500 3.500v13.500H6zM9 11h6M9 15h6",
    payment: "M12 4v15M6 13l6 6 6-6",
    money: "M12 4v16M5 12h14",
    decision: "M9 6v12M15 6v12",
    hold: "M6 6h12v12H6z",
    person: "M12 4.500a3.500 3.500 0 1 1 0 7 3.500 3.500 0 0 1 0-7M5 20c.5-4 3.200-6 7-6s6.500 2 7 6",
    refusal: "M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16M6.500 6.500l11 11",
    task: "M5 6h14v14H5zM9 4v4M15 4v4M8.500 13.500l2.500 2.500 4.500-4.500",
    agreement: "M6 3.500h12v17H6zM9 8h6M9 11.500h6M9.500 16.500c1.500-2 2.500-2 3 0s1.500 1 2 0",
  };
  const icon = (name) => s("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, s("path", { d: ICONS[name] || ICONS.decision }));
  const stageClass = (stage) => `st st-${DATA.stages.includes(stage) ? stage : "other"}`;
  const chip = (stage) => h("span.chip", null, h("i", { class: stageClass(stage), "aria-hidden": "true" }), named("stage", stage));
  const help = (text) => h("span.how", null, text);

  const tip = at("tip");
  function showTip(event, ...children) {
    refill(tip, ...children);
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const x = Math.min(Math.max(8, event.clientX + 16), window.innerWidth - box.width - 8);
    const below = event.clientY + 20;
    const y = below + box.height > window.innerHeight - 8 ? event.clientY - box.height - 14 : below;
    tip.style.transform = `translate(${Math.round(x)}px, ${Math.round(Math.max(8, y))}px)`;
  }
  const hideTip = () => { tip.hidden = true; };
  const tipped = (node, children) => {
    node.addEventListener("pointermove", (event) => showTip(event, children()));
    node.addEventListener("pointerleave", hideTip);
    return node;
  };
  const tipRow = (label, value, swatch) => h("span.tip-row", null, swatch || h("i"), h("span", null, label), h("b", null, value));

  function niceTicks(top, wanted) {
    if (top <= 0) return [0, 1];
    const raw = top / wanted;
    const size = 10 ** Math.floor(Math.log10(raw));
    const step = size * [1, 2, 2.5, 5, 10].find((factor) => factor * size >= raw);
    const whole = Math.max(step, 1);
    const ticks = [];
    for (let tick = 0; tick < top + whole; tick += whole) ticks.push(tick);
    return ticks;
  }

  // ── The address: #lang=en&account=ID&section=ageing ────────────────────────────────────────

  function address() {
    const read = new URLSearchParams(location.hash.slice(1));
    return { lang: read.get("lang") === "en" ? "en" : "es", account: read.get("account"), section: read.get("section") };
  }
  function hash(changes) {
    const next = { ...address(), ...changes };
    const parts = [];
    if (next.lang === "en") parts.push("lang=en");
    if (next.account) parts.push("account=" + encodeURIComponent(next.account));
    if (next.section && !next.account) parts.push("section=" + encodeURIComponent(next.section));
    return "#" + parts.join("&");
  }
  const accountLink = (id) => hash({ account: id, section: null });

  // ── Headline and the period's account ──────────────────────────────────────────────────────

  // A rule is called by what it objected to, else by its field ("co.caps[0]" is a cap).
  function ruleName(rule, code) {
    if (code && knows(`rule.${code}`)) return word(`rule.${code}`);
    const family = String(rule).split(".").pop().replace(/\[\d+\]$/, "");
    return named("rule", family);
  }

  function drawHero() {
    const counts = DATA.counts;
    const came = DATA.money.filter((one) => one.collected !== 0);
    put("headline", rich(came.length ? "head.collected" : "head.nothing", {
      days: DATA.days, accounts: counts.accounts, messages: counts.messages,
      money: listed(came.map((one) => h("b.gold", null, money(one.collected, one.currency)))),
    }));
    const silence = DATA.silences;
    const rules = new Map();
    for (const one of silence.rules) {
      const name = ruleName(one.rule, one.code);
      rules.set(name, (rules.get(name) || 0) + one.refusals);
    }
    const most = [...rules].sort((a, b) => b[1] - a[1]).slice(0, 3);
    const sentences = [
      rich("lead.played", { from: h("b", null, longDay(DATA.from)), to: h("b", null, longDay(DATA.to)), receivables: counts.receivables }),
      rich("lead.sent", { contacted: counts.contacted, emails: counts.emails, sms: counts.sms }),
      counts.tasks && rich("lead.tasks", { tasks: counts.tasks }),
      silence.refusals && rich("lead.silent", { refusals: silence.refusals, rules: listed(most.map(([rule, n]) => rich("rule.count", { rule, n: number(n) }))) }),
      silence.refusals && (silence.never && silence.later ? rich("lead.never", silence) : rich(silence.never ? "lead.neverall" : "lead.lateall", silence)),
      counts.unknown && rich("lead.unknown", { unknown: counts.unknown }),
      counts.failed && rich("lead.failed", { failed: counts.failed }),
    ].filter(Boolean);
    put("lead", sentences.flatMap((sentence) => [sentence, " "]));
  }

  function drawMoney() {
    put("money", DATA.money.map((one, place) => {
      const currency = one.currency;
      const term = (name, sign, minor, note, kind) =>
        h("div.term" + (kind || ""), null,
          sign && h("span.sign", { "aria-hidden": "true" }, sign),
          h("dt", null, word(`kpi.${name}`)),
          h("dd", null, h("b", null, money(minor, currency)), h("span", null, note)));
      const rate = (name, value, part) =>
        h("div.rate", null,
          h("dt", null, word(`kpi.${name}`)),
          h("dd", null, h("b", null, value),
            h("span.meter", { "aria-hidden": "true" }, part !== undefined && h("i", { style: { width: `${Math.max(0, Math.min(100, part))}%` } })),
            // Explained once, under the first currency.
            place === 0 && help(word(`kpi.${name}.how`))));
      const other = one.other !== 0;
      const late = one.overdue.after;
      return h("div.book", null,
        h("h2", null, rich("kpi.title", { currency: h("span", null, currencyName(currency)) })),
        h("dl.equation", null,
          term("opening", "", one.opening, rich("kpi.opening.note", { date: day(DATA.from) })),
          term("charged", "+", one.charged, word("kpi.charged.note")),
          term("collected", "−", one.collected, word("kpi.collected.note"), ".gold"),
          other && term("other", one.other < 0 ? "−" : "+", Math.abs(one.other), word("kpi.other.note")),
          term("closing", "=", one.closing, late ? rich("kpi.closing.late", { amount: money(late, currency) }) : word("kpi.closing.current"), ".result")),
        h("p" + (one.adds_up ? ".adds" : ".adds.not"), null, h("span", { "aria-hidden": "true" }, one.adds_up ? "✓ " : "✗ "),
          word(!one.adds_up ? "kpi.adds_not" : currency === "COP" ? "kpi.adds_up" : "kpi.adds_up.other")),
        h("dl.rates", null,
          rate("recovery", percent(one.recovery), (one.recovery || 0) / 10),
          rate("cei", percent(one.cei), (one.cei || 0) / 10),
          rate("paid", plain("kpi.paid.value", { paid: number(one.paid), contacted: number(one.contacted) }), one.contacted ? (100 * one.paid) / one.contacted : 0),
          rate("days", one.median_days === null ? word("none") : plain("kpi.days.value", { n: one.median_days }))));
    }));
  }

  // ── Ageing ─────────────────────────────────────────────────────────────────────────────────

  function drawAgeing() {
    put("ageing-in", DATA.money.map((one) => {
      const currency = one.currency;
      const before = plain("ageing.before", { date: day(DATA.from) });
      const after = plain("ageing.after", { date: day(DATA.to) });
      const rows = one.ageing.map((line) => ({ label: word(`bucket.${line.bucket}`), before: line.before, after: line.after }));
      const chart = h("div.chart", null);
      const table = h("table.figures", null,
        h("caption.unseen", null, plain("ageing.chart", { currency: currencyName(currency) })),
        h("thead", null, h("tr", null,
          h("th", { scope: "col" }, word("ageing.bucket")),
          h("th.num", { scope: "col" }, before), h("th.num.count", { scope: "col" }, word("ageing.count")),
          h("th.num", { scope: "col" }, after), h("th.num.count", { scope: "col" }, word("ageing.count")),
          h("th.num", { scope: "col" }, word("ageing.change")))),
        h("tbody", null, rows.map((row) => h("tr" + (row.before[0] || row.after[0] ? "" : ".empty"), null,
          h("th", { scope: "row" }, row.label),
          h("td.num", null, money(row.before[0], currency)), h("td.num.count", { title: word("ageing.count") }, number(row.before[1])),
          h("td.num", null, money(row.after[0], currency)), h("td.num.count", { title: word("ageing.count") }, number(row.after[1])),
          h("td.num.change", null, signed(row.after[0] - row.before[0], currency))))),
        h("tfoot", null,
          h("tr", null, h("th", { scope: "row" }, word("ageing.unapplied")),
            h("td.num", null, money(one.unapplied[0], currency)), h("td"),
            h("td.num", null, money(one.unapplied[1], currency)), h("td"),
            h("td.num.change", null, signed(one.unapplied[1] - one.unapplied[0], currency))),
          h("tr.total", null, h("th", { scope: "row" }, word("ageing.total")),
            h("td.num", null, money(one.total[0], currency)), h("td.num.count", null, number(one.open_count[0])),
            h("td.num", null, money(one.total[1], currency)), h("td.num.count", null, number(one.open_count[1])),
            h("td.num.change", null, signed(one.total[1] - one.total[0], currency)))));
      onWidth(chart, (width) => ageingChart(width, one, rows, before, after));
      return h("div.age", null,
        DATA.money.length > 1 && h("h3", null, currencyName(currency)),
        h("div.age-in", null,
          h("div", null,
            h("ul.legend", null, h("li", null, h("i.before"), before), h("li", null, h("i.after"), after)),
            chart),
          h("div.scroll", { tabindex: 0, role: "region", "aria-label": plain("ageing.chart", { currency: currencyName(currency) }) }, table)));
    }));
  }

  function ageingChart(width, one, rows, before, after) {
    const currency = one.currency;
    const all = [...rows];
    if (one.unapplied[0] || one.unapplied[1]) all.push({ label: word("ageing.unapplied"), before: [one.unapplied[0]], after: [one.unapplied[1]], credit: true });
    const left = 132, right = 70, height = 40;
    const top = Math.max(1, ...all.flatMap((row) => [Math.abs(row.before[0]), Math.abs(row.after[0])]));
    const scale = (minor) => (Math.abs(minor) / top) * (width - left - right);
    const bar = (y, minor, kind) => [
      minor !== 0 && s("rect", { class: kind, x: left, y, height: 13, width: Math.max(2, scale(minor)), rx: 2 }),
      s("text", { class: "value" + (minor ? "" : " zero"), x: left + (minor ? Math.max(2, scale(minor)) : 0) + 6, y: y + 10.5 }, minor ? compact(minor, currency) : "0"),
    ];
    return s("svg", { width, height: all.length * height + 4, role: "img", "aria-label": plain("ageing.chart", { currency: currencyName(currency) }) },
      s("line", { class: "axis", x1: left - 0.5, x2: left - 0.5, y1: 0, y2: all.length * height }),
      all.map((row, place) => {
        const y = place * height + 5;
        const words = row.label.length > 18 ? [row.label.slice(0, row.label.lastIndexOf(" ", 17)), row.label.slice(row.label.lastIndexOf(" ", 17) + 1)] : [row.label];
        return tipped(s("g", { class: row.credit ? "credit" : "" },
          s("rect", { class: "hit", x: 0, y: place * height, width, height }),
          words.map((line, number) => s("text", { class: "label", x: left - 10, y: y + 18 + (number - (words.length - 1) / 2) * 14 }, line)),
          bar(y, row.before[0], "bar-before"), bar(y + 16, row.after[0], "bar-after")),
        () => [h("strong", null, row.label), tipRow(before, money(row.before[0], currency), h("i.before")), tipRow(after, money(row.after[0], currency), h("i.after"))]);
      }));
  }

  // ── Messages and money over time ───────────────────────────────────────────────────────────

  const stagesSeen = () => {
    const seen = new Set(DATA.activity.periods.flatMap((period) => Object.keys(period.stages)));
    return [...DATA.stages.filter((stage) => seen.has(stage)), ...[...seen].filter((stage) => !DATA.stages.includes(stage)).sort()];
  };
  function periodName(on) {
    const by = DATA.activity.by;
    if (by === "month") return dated(on, { month: "long", year: "numeric" });
    return by === "week" ? `${word("activity.period.week")} ${day(on)}` : dated(on, { weekday: "short", day: "numeric", month: "short", year: "numeric" });
  }

  function drawActivity() {
    put("activity-lead", word(`activity.lead.${DATA.activity.by}`));
    put("activity-legend", stagesSeen().map((stage) => h("li", null, h("i", { class: stageClass(stage) }), named("stage", stage))),
      h("li", null, h("i.money-swatch"), CURRENCIES.length === 1 ? plain("activity.money", { currency: CURRENCIES[0] }) : word("kpi.collected")));
    onWidth(at("activity-chart"), activityChart);
    const box = at("activity-table").querySelector("div");
    const drawTable = () => {
      const seen = stagesSeen();
      box.replaceChildren(h("table.figures", null,
        h("thead", null, h("tr", null,
          h("th", { scope: "col" }, word(`activity.period.${DATA.activity.by}`)),
          seen.map((stage) => h("th.num", { scope: "col" }, named("stage", stage))),
          h("th.num", { scope: "col" }, word("activity.messages")),
          CURRENCIES.map((currency) => h("th.num", { scope: "col" }, plain("activity.money", { currency }))))),
        h("tbody", null, DATA.activity.periods.map((period) => h("tr", null,
          h("th", { scope: "row" }, DATA.activity.by === "month" ? periodName(period.on) : day(period.on)),
          seen.map((stage) => h("td.num", null, number(period.stages[stage] || 0))),
          h("td.num", null, number(seen.reduce((sum, stage) => sum + (period.stages[stage] || 0), 0))),
          CURRENCIES.map((currency) => h("td.num", null, money(period.money[currency] || 0, currency))))))));
    };
    const details = at("activity-table");
    details.ontoggle = () => { if (details.open) drawTable(); };
    if (details.open) drawTable();
  }

  function activityChart(width) {
    const periods = DATA.activity.periods;
    const seen = stagesSeen();
    const left = 56, right = 6, messageHeight = 220, moneyHeight = 84, gap = 34;
    const band = (width - left - right) / periods.length;
    const thick = Math.max(1, Math.min(34, band - (band > 6 ? 2 : band > 3 ? 1 : 0.25)));
    const x = (place) => left + place * band + (band - thick) / 2;
    const total = (period) => seen.reduce((sum, stage) => sum + (period.stages[stage] || 0), 0);
    const ticks = niceTicks(Math.max(0, ...periods.map(total)), 4);
    const ceiling = ticks[ticks.length - 1];
    const y = (value) => 10 + messageHeight * (1 - value / ceiling);
    const height = 10 + messageHeight + CURRENCIES.length * (moneyHeight + gap) + 26;
    const panels = CURRENCIES.map((currency, place) => {
      const values = periods.map((period) => period.money[currency] || 0);
      const top = Math.max(1, ...values);
      const bottom = Math.min(0, ...values);
      const base = 10 + messageHeight + gap + place * (moneyHeight + gap) + (moneyHeight * top) / (top - bottom);
      return { currency, values, top, base, scale: (value) => (value / (top - bottom)) * moneyHeight };
    });

    const bars = periods.map((period, place) => {
      let stacked = 0;
      return seen.map((stage) => {
        const value = period.stages[stage] || 0;
        if (!value) return null;
        stacked += value;
        const high = y(stacked - value) - y(stacked);
        return s("rect", { class: stageClass(stage), x: x(place), y: y(stacked), width: thick, height: Math.max(0.5, high - (high > 3 ? 1 : 0)) });
      });
    });
    const coins = panels.map((panel) => [
      s("line", { class: "axis", x1: left, x2: width - right, y1: panel.base, y2: panel.base }),
      s("text", { class: "panel", x: left, y: panel.base - panel.scale(panel.top) - 8 }, plain("activity.money", { currency: panel.currency })),
      s("line", { class: "grid", x1: left, x2: width - right, y1: panel.base - panel.scale(panel.top), y2: panel.base - panel.scale(panel.top) }),
      s("text", { class: "tick", x: left - 8, y: panel.base - panel.scale(panel.top) + 4 }, compact(panel.top, panel.currency)),
      panel.values.map((value, place) => value !== 0 && s("rect", {
        class: "money-bar", x: x(place), width: thick, height: Math.max(1, Math.abs(panel.scale(value))),
        y: value > 0 ? panel.base - panel.scale(value) : panel.base,
      })),
    ]);

    const cursor = s("rect", { class: "cursor", y: 4, height: height - 26, width: Math.max(band, 2), visibility: "hidden" });
    const words = (place) => {
      const period = periods[place];
      return [
        h("strong", null, periodName(period.on)),
        total(period) === 0 && !CURRENCIES.some((currency) => period.money[currency]) && h("span", null, word("activity.none")),
        [...seen].reverse().filter((stage) => period.stages[stage]).map((stage) => tipRow(named("stage", stage), number(period.stages[stage]), h("i", { class: stageClass(stage) }))),
        total(period) > 0 && tipRow(word("activity.messages"), number(total(period))),
        CURRENCIES.filter((currency) => period.money[currency]).map((currency) => tipRow(plain("activity.money", { currency }), money(period.money[currency], currency), h("i.money-swatch"))),
      ];
    };
    let here = -1;
    const go = (place, event) => {
      here = Math.max(0, Math.min(periods.length - 1, place));
      cursor.setAttribute("x", left + here * band);
      cursor.setAttribute("visibility", "visible");
      showTip(event, words(here));
    };
    const leave = () => { cursor.setAttribute("visibility", "hidden"); hideTip(); };
    const chart = s("svg", { width, height, tabindex: 0, role: "img", "aria-label": word("activity.chart") },
      ticks.map((tick) => [
        s("line", { class: tick ? "grid" : "axis", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }),
        s("text", { class: "tick", x: left - 8, y: y(tick) + 4 }, number(tick)),
      ]),
      cursor, bars, coins, timeTicks(periods.map((period) => period.on), (place) => left + place * band, width - right, height - 6));
    chart.addEventListener("pointermove", (event) => {
      const offset = event.clientX - chart.getBoundingClientRect().left - left;
      if (offset < 0) leave();
      else go(Math.floor(offset / band), event);
    });
    chart.addEventListener("pointerleave", leave);
    chart.addEventListener("blur", leave);
    chart.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      const place = step === Infinity ? periods.length - 1 : step === -Infinity ? 0 : here + step;
      const box = chart.getBoundingClientRect();
      const bounded = Math.max(0, Math.min(periods.length - 1, place));
      go(place, { clientX: box.left + left + bounded * band + band, clientY: box.top + 40 });
      at("live").textContent = words(bounded).flat(Infinity).filter(Boolean).map((node) => node.textContent).join(", ");
    });
    return chart;
  }

  // Labels where a month begins, as many as there is room for.
  function timeTicks(days, x, end, y) {
    const months = days.map((on, place) => [on.slice(0, 7), place]).filter(([month], place) => place === 0 || month !== days[place - 1].slice(0, 7));
    if (months.length < 2) {
      const every = Math.max(1, Math.ceil(days.length / 6));
      return days.map((on, place) => place % every === 0 && s("text", { class: "time", x: x(place), y }, dated(on, { day: "numeric", month: "short" })));
    }
    // The first label goes when the month that follows stands too close to it.
    if (months.length > 2 && x(months[1][1]) - x(months[0][1]) < 74) months.shift();
    const room = (x(months[months.length - 1][1]) - x(months[0][1])) / Math.max(1, months.length - 1);
    const every = [1, 2, 3, 6, 12, 24].find((count) => count * room >= 62) || 24;
    return months.filter((_, place) => place % every === 0).map(([month, place], number, labels) =>
      x(place) < end - 24 && s("g", null,
        s("line", { class: "axis", x1: x(place), x2: x(place), y1: y - 16, y2: y - 10 }),
        s("text", { class: "time", x: x(place), y: y + 2 }, dated(month + "-01", month.slice(0, 4) !== labels[number - 1]?.[0].slice(0, 4) ? { month: "short", year: "numeric" } : { month: "short" }).replace(" de ", " "))));
  }

  // ── The ladder ─────────────────────────────────────────────────────────────────────────────

  function drawLadder() {
    const rungs = [...DATA.ladder].reverse();
    const most = Math.max(1, ...rungs.map((rung) => rung.messages + rung.tasks));
    // The rails lean together towards the top, as a ladder does for whoever stands before it.
    const half = (share) => 24 + 17 * share;
    put("ladder-in", rungs.map((rung, place) => {
      const contacts = rung.messages + rung.tasks;
      const upper = half(place / rungs.length), lower = half((place + 1) / rungs.length), middle = half((place + 0.5) / rungs.length);
      const rail = (sign) => s("line", { x1: 50 + sign * upper, y1: 0, x2: 50 + sign * lower, y2: 100, "vector-effect": "non-scaling-stroke" });
      const when = rung.late === null ? null
        : rung.late < 0 ? plain("ladder.before", { n: -rung.late })
        : rung.late === 0 ? word("ladder.due") : plain("ladder.late", { n: rung.late });
      const parts = [
        ...Object.entries(rung.channels).map(([channel, count]) => [named("channel", channel), count]),
        ...Object.entries(rung.kinds).map(([kind, count]) => [named("task", kind), count]),
      ];
      return h("li" + (contacts ? "" : ".bare"), null,
        h("div.rails", { "aria-hidden": "true" },
          s("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none" }, rail(-1), rail(1)),
          h("i", { class: "rung " + stageClass(rung.stage), style: { width: `${2 * middle + 5}%`, height: `${contacts ? 5 + Math.round((21 * contacts) / most) : 3}px` } })),
        h("div.rung-name", null,
          h("h3", null, named("step", rung.step).replaceAll("-", " ")),
          h("p", null, rung.stage ? chip(rung.stage) : null, when && h("span", { title: word("ladder.median") }, when))),
        h("div.rung-count", null,
          contacts ? [h("b", null, number(contacts)), h("ul", null, parts.map(([name, count]) => h("li", null, name, " ", h("b", null, number(count)))))]
            : h("span.mute", null, word("ladder.nobody"))),
        h("div.rung-after", null,
          contacts > 0 && h("p", null, rich("ladder.accounts", { n: rung.accounts })),
          rung.recovery.length > 0 && h("p", {
            title: rung.recovery.map((one) => plain("ladder.recovery.how", { paid: money(one.paid, one.currency), asked: money(one.asked, one.currency), days: DATA.window_days })).join("\n"),
          }, rich("ladder.recovery", { rate: listed(rung.recovery.map((one) => h("b", null, percent(one.permille), rung.recovery.length > 1 ? ` ${one.currency}` : ""))) }))));
    }));
    put("ladder-note", plain("ladder.note", { days: DATA.window_days }));
  }

  // ── Silences, runs ─────────────────────────────────────────────────────────────────────────

  function drawSilences() {
    const all = DATA.silences;
    if (!all.rules.length) return put("silences-in", h("p.blank", null, word("silences.none")));
    const most = Math.max(...all.rules.map((one) => one.refusals));
    const cell = (label, value) => h("td.num", { "data-label": word(label) }, number(value));
    put("silences-in",
      h("div.scroll", { tabindex: 0, role: "region", "aria-label": word("silences.title") }, h("table.figures.silences.stacks", null,
        h("thead", null, h("tr", null,
          h("th", { scope: "col" }, word("silences.rule")), h("th", { scope: "col" }, word("silences.source")),
          h("th.num", { scope: "col" }, word("silences.refusals")), h("th.num", { scope: "col" }, word("silences.accounts")),
          h("th.num", { scope: "col" }, word("silences.later")), h("th.num", { scope: "col" }, word("silences.never")))),
        h("tbody", null, all.rules.map((one) => h("tr", null,
          h("th", { scope: "row" }, h("span.rule", null, ruleName(one.rule, one.code)), h("code", null, one.rule), one.example && h("span.example", null, one.example)),
          h("td.source", { "data-label": word("silences.source") }, one.source || word("silences.house")),
          h("td.num.times", { "data-label": word("silences.refusals") }, h("span", null, number(one.refusals)), h("i", { "aria-hidden": "true", style: { width: `${(100 * one.refusals) / most}%` } })),
          cell("silences.accounts", one.accounts), cell("silences.later", one.later), cell("silences.never", one.never)))),
        h("tfoot", null, h("tr.total", null,
          h("th", { scope: "row", colspan: 2 }, word("silences.total")),
          cell("silences.refusals", all.refusals), cell("silences.accounts", all.accounts), cell("silences.later", all.later), cell("silences.never", all.never))))),
      h("p.fine", null, word("silences.note")));
  }

  const RUN_PARTS = ["acted", "waited", "held", "skipped", "failed"];
  function drawRuns() {
    const { rows, total, all_add_up: fine } = DATA.runs;
    if (!rows.length) return put("runs-in", h("p.blank", null, word("runs.none")));
    const skipped = (run) => Object.values(run.skipped).reduce((sum, count) => sum + count, 0);
    const value = (run, part) => (part === "skipped" ? skipped(run) : run[part]);
    const reasons = (run) => Object.entries(run.skipped).map(([reason, count]) => `${named("skip", reason)} ${number(count)}`.trim()).join(" · ");
    const line = (run, first) => h("tr" + (run === total ? ".total" : ""), null, first,
      h("td.num", null, number(run.looked)),
      RUN_PARTS.map((part) => h("td.num", part === "skipped" ? { title: reasons(run) } : null, number(value(run, part)))),
      h("td.num", null, number(run.conflict)),
      h("td.check" + (run.adds_up ? "" : ".not"), { title: word(run.adds_up ? "runs.yes" : "runs.no") }, run.adds_up ? "✓" : "✗", h("span.unseen", null, word(run.adds_up ? "runs.yes" : "runs.no"))));
    const box = h("div.scroll", { tabindex: 0, role: "region", "aria-label": word("runs.title") });
    const draw = () => box.replaceChildren(h("table.figures.runs", null,
      h("thead", null, h("tr", null,
        h("th", { scope: "col" }, word("runs.at")), h("th.num", { scope: "col" }, word("runs.looked")),
        RUN_PARTS.map((part) => h("th.num", { scope: "col" }, word(`runs.${part}`))),
        h("th.num", { scope: "col", title: word("runs.conflict.how") }, word("runs.conflict")), h("th.check", { scope: "col" }, word("runs.sum")))),
      h("tbody", null, rows.map((run) => line(run, h("th", { scope: "row", title: run.id }, run.at ? moment(run.at) : run.id)))),
      h("tfoot", null, line(total, h("th", { scope: "row" }, word("runs.total"))))));
    const open = at("runs-in").querySelector("details")?.open;
    put("runs-in",
      h("p.note", null, rich(fine ? "runs.lead" : "runs.lead.not", { n: rows.length, looked: total.looked })),
      h("dl.equation.small", { "aria-label": word("runs.equation") },
        h("div.term", null, h("dt", null, word("runs.looked")), h("dd", null, h("b", null, number(total.looked)))),
        RUN_PARTS.map((part, place) => h("div.term", null, h("span.sign", { "aria-hidden": "true" }, place ? "+" : "="),
          h("dt", null, word(`runs.${part}`)), h("dd", null, h("b", null, number(value(total, part))), part === "skipped" && h("span", null, reasons(total)))))),
      h("details.more", { open, ontoggle: (event) => event.target.open && draw() }, h("summary", null, word("runs.open")), box));
    if (open) draw();
  }

  // ── Accounts ───────────────────────────────────────────────────────────────────────────────

  const folded = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  DATA.accounts.forEach((account, index) => {
    account.index = index;
    account.text = folded([account.name, account.id, account.creditor, account.find].join(" "));
  });
  const filters = { search: "", stage: "", currency: "", open: false, refusals: false, tasks: false };
  const sorting = { by: "balance", down: true };
  let limit = ROWS_AT_ONCE;
  let shown = [];

  // Currencies are compared one after the other, never added.
  const inEach = (key) => (account) => (filters.currency ? [filters.currency] : CURRENCIES).map((currency) => account.money[currency]?.[key] ?? 0);
  const rank = (stage) => (stage ? (DATA.stages.indexOf(stage) + 1 || 99) : 0);
  const SORTS = {
    name: (account) => [account.name || account.id],
    stage: (account) => [rank(account.stage)],
    balance: inEach("open"),
    paid: inEach("paid"),
    late: (account) => [account.oldest],
    messages: (account) => [account.messages],
    silences: (account) => [account.refusals],
    work: (account) => [account.tasks],
    last: (account) => [account.last],
  };
  function compare(one, other) {
    for (let place = 0; place < one.length; place += 1) {
      const order = typeof one[place] === "string" ? one[place].localeCompare(other[place], LOCALES[lang], { numeric: true }) : one[place] - other[place];
      if (order) return order;
    }
    return 0;
  }
  function chosen() {
    const terms = folded(filters.search).split(/\s+/).filter(Boolean);
    const key = SORTS[sorting.by];
    return DATA.accounts
      .filter((account) => terms.every((term) => account.text.includes(term))
        && (!filters.stage || account.stage === (filters.stage === "none" ? "" : filters.stage))
        && (!filters.currency || filters.currency in account.money)
        && (!filters.open || Object.values(account.money).some((one) => one.open > 0))
        && (!filters.refusals || account.refusals > 0)
        && (!filters.tasks || account.tasks > 0))
      .sort((one, other) => (sorting.down ? -1 : 1) * compare(key(one), key(other)) || one.index - other.index);
  }
  const amounts = (account, key) => {
    const all = Object.entries(account.money).filter(([currency]) => !filters.currency || currency === filters.currency);
    if (!all.length) return word("none");
    return all.map(([currency, one]) => h("span.amount" + (one[key] ? "" : ".zero"), null, money(one[key], currency)));
  };

  function drawAccounts() {
    shown = chosen();
    const columns = Object.keys(SORTS).map((by) => h("th" + (by === "name" || by === "stage" ? "" : ".num"), {
      scope: "col", "aria-sort": sorting.by === by ? (sorting.down ? "descending" : "ascending") : null,
    }, h("button", { type: "button", onclick: () => sortBy(by), "data-sort": by }, word(`accounts.${by}`),
      h("i", { "aria-hidden": "true" }, sorting.by === by ? (sorting.down ? "▾" : "▴") : ""))));
    const row = (account) => h("tr", null,
      h("th", { scope: "row" },
        h("a", { href: accountLink(account.id), "data-account": account.id }, account.name || account.id),
        h("span.sub", null, account.name ? account.id : "", account.name && account.creditor ? " · " : "", account.creditor)),
      h("td", { "data-label": word("accounts.stage") }, account.stage ? chip(account.stage) : h("span.mute", null, word("accounts.untouched"))),
      h("td.num.balance", { "data-label": word("accounts.balance") }, amounts(account, "open")),
      h("td.num", { "data-label": word("accounts.paid") }, amounts(account, "paid")),
      h("td.num", { "data-label": word("accounts.late") }, account.oldest > 0 ? number(account.oldest) : word("none")),
      h("td.num", { "data-label": word("accounts.messages") }, number(account.messages), account.troubled > 0 && h("span.alert", null, ` +${number(account.troubled)} ?`)),
      h("td.num", { "data-label": word("accounts.silences") }, account.refusals ? number(account.refusals) : word("none")),
      h("td.num", { "data-label": word("accounts.work") }, account.tasks ? number(account.tasks) : word("none")),
      h("td.num", { "data-label": word("accounts.last") }, account.last ? day(account.last) : word("none")));
    put("accounts-in",
      shown.length === 0 ? h("p.blank", null, word("accounts.nobody")) : h("table.figures.list", null,
        h("caption.unseen", null, word("accounts.table")),
        h("thead", null, h("tr", null, columns)),
        h("tbody", null, shown.slice(0, limit).map(row))),
      shown.length > limit && h("button.wide", { type: "button", onclick: () => { limit += 500; drawAccounts(); } },
        plain("accounts.more", { n: Math.min(500, shown.length - limit) })));
    put("shown", rich("accounts.shown", { n: shown.length, total: DATA.accounts.length }));
    at("clear").hidden = !Object.values(filters).some(Boolean);
    at("sort").value = sorting.by;
  }
  function sortBy(by) {
    if (sorting.by === by) sorting.down = !sorting.down;
    else Object.assign(sorting, { by, down: by !== "name" });
    drawAccounts();
    document.querySelector(`[data-sort="${by}"]`)?.focus({ preventScroll: true });
  }
  function drawFilters() {
    const option = (value, label, now) => h("option", { value, selected: value === now }, label);
    const stages = DATA.stages.filter((stage) => DATA.accounts.some((account) => account.stage === stage));
    put("filter-stage", option("", word("accounts.any"), filters.stage), stages.map((stage) => option(stage, word(`stage.${stage}`), filters.stage)), option("none", word("accounts.untouched"), filters.stage));
    put("filter-currency", option("", word("accounts.any"), filters.currency), CURRENCIES.map((currency) => option(currency, currency, filters.currency)));
    at("filter-currency-field").hidden = CURRENCIES.length < 2;
    put("sort", Object.keys(SORTS).map((by) => option(by, word(`accounts.${by}`), sorting.by)));
  }
  function filtered(changes) {
    Object.assign(filters, changes);
    limit = ROWS_AT_ONCE;
    drawAccounts();
  }
  at("search").addEventListener("input", (event) => filtered({ search: event.target.value }));
  at("filter-stage").addEventListener("change", (event) => filtered({ stage: event.target.value }));
  at("filter-currency").addEventListener("change", (event) => filtered({ currency: event.target.value }));
  at("sort").addEventListener("change", (event) => { Object.assign(sorting, { by: event.target.value, down: event.target.value !== "name" }); drawAccounts(); });
  for (const name of ["open", "refusals", "tasks"]) at(`filter-${name}`).addEventListener("change", (event) => filtered({ [name]: event.target.checked }));
  at("clear").addEventListener("click", () => {
    Object.assign(filters, { search: "", stage: "", currency: "", open: false, refusals: false, tasks: false });
    at("search").value = "";
    for (const name of ["open", "refusals", "tasks"]) at(`filter-${name}`).checked = false;
    drawFilters();
    drawAccounts();
    at("search").focus();
  });

  // ── An account's story ─────────────────────────────────────────────────────────────────────

  const kinds = { message: true, money: true, agreement: true, decision: true, refusal: true, task: true };
  let preview = { width: "phone", message: null };
  let told = null; // the account whose story is open, with its parsed story

  function drawStory(id) {
    const account = DATA.accounts.find((one) => one.id === id);
    const box = at("story");
    if (!account) {
      told = null;
      box.replaceChildren(h("a.back", { href: hash({ account: null, section: "accounts" }) }, "← ", word("story.back")),
        h("h1", { tabindex: -1 }, plain("story.missing", { id })));
      return;
    }
    if (told?.account !== account) {
      told = { account, story: JSON.parse(at(`story-${account.index}`).textContent) };
      // On a wide screen the pane beside the story starts with the last message.
      preview = { ...preview, message: WIDE.matches ? told.story.events.findLast((event) => event.k === "message") || null : null };
    }
    const { story } = told;
    const order = shown.includes(account) ? shown : DATA.accounts;
    const place = order.indexOf(account);
    const step = (other, label, arrow) => other
      ? h("a.step", { href: accountLink(other.id), title: `${word(label)}: ${other.name || other.id}`, "aria-label": word(label) }, arrow)
      : h("span.step.off", { "aria-hidden": "true" }, arrow);
    refill(box,
      h("div.story-bar", null,
        h("a.back", { href: hash({ account: null, section: null }) }, "← ", word("story.back")),
        h("span.steps", null, step(order[place - 1], "story.previous", "‹"), h("span", null, `${number(place + 1)} / ${number(order.length)}`), step(order[place + 1], "story.next", "›"))),
      h("header.who", null,
        h("p.eyebrow", null, plain("story.account", { id: account.id }), account.creditor && [h("span", { "aria-hidden": "true" }, " · "), account.creditor]),
        h("h1", { tabindex: -1 }, account.name || account.id),
        h("p", null, account.stage ? chip(account.stage) : h("span.mute", null, word("accounts.untouched")))),
      Object.entries(account.money).map(([currency, one]) => h("dl.equation.small", null,
        ["opening", "paid", "open"].map((name) => h("div.term" + (name === "paid" ? ".gold" : ""), null,
          h("dt", null, word(`story.${name}`)), h("dd", null, h("b", null, money(one[name], currency))))))),
      Object.entries(story.stairs).map(([currency, points]) => {
        const chart = h("div.chart.stairs", null);
        onWidth(chart, (width) => stairs(width, currency, points, story.marks));
        return chart;
      }),
      receivables(story.receivables),
      h("div.telling", null,
        h("section.timeline", { "aria-labelledby": "timeline-title" },
          h("h2", { id: "timeline-title" }, word("story.timeline")),
          h("div.kinds", { role: "group", "aria-label": word("story.show") }, Object.keys(kinds).map((kind) => {
            const count = story.events.filter((event) => event.k === kind).length;
            return count > 0 && h("button.pill", { type: "button", "aria-pressed": String(kinds[kind]), onclick: (event) => {
              kinds[kind] = !kinds[kind];
              event.currentTarget.setAttribute("aria-pressed", String(kinds[kind]));
              drawEvents();
            } }, word(`story.show.${kind}`), h("i", null, number(count)));
          })),
          h("p.fine", null, plain("story.zone", { zone: DATA.zone })),
          h("ol.events", { id: "events" })),
        h("aside.pane", { id: "pane", "aria-label": word("preview.title") })));
    drawEvents();
  }

  function receivables(rows) {
    if (!rows.length) return null;
    const state = (row) => {
      if (row.open < 0) return word("story.state.credit");
      if (row.open === 0) return [word("story.state.paid"), row.dispute && h("span.sub", null, word("story.state.disputed"))];
      return [row.dispute && h("span.alert", { title: row.dispute }, word("story.state.dispute"), " · "), row.late > 0 ? plain("story.state.late", { n: row.late }) : word("story.state.current")];
    };
    return h("details.more", { open: rows.length <= 6 },
      h("summary", null, word("story.receivables"), " ", h("span.count", null, number(rows.length))),
      h("div.scroll", { tabindex: 0, role: "region", "aria-label": word("story.receivables") }, h("table.figures", null,
        h("thead", null, h("tr", null, ["receivable", "issued", "due"].map((name) => h("th", { scope: "col" }, word(`story.${name}`))),
          ["amount", "pending"].map((name) => h("th.num", { scope: "col" }, word(`story.${name}`))), h("th", { scope: "col" }, word("story.state")))),
        h("tbody", null, rows.map((row) => h("tr", null,
          h("th", { scope: "row" }, row.id), h("td", null, day(row.issued)), h("td", null, day(row.due)),
          h("td.num", null, money(row.amount, row.currency)), h("td.num", null, money(row.open, row.currency)), h("td", null, state(row))))))));
  }

  // The balance as stairs, with a mark on it for every message.
  function stairs(width, currency, points, marks) {
    const height = 150, left = 4, right = 4, top = 14, bottom = 24;
    const instant = (iso) => wall(iso).getTime();
    const end = instant(DATA.to) + 864e5, start = instant(DATA.from);
    // An old debt may begin long before the replay; then its past is only hinted at.
    const from = Math.max(Math.min(start, ...points.map(([t]) => instant(t))), start - (end - start) * 0.3);
    const x = (time) => left + ((Math.max(from, Math.min(end, time)) - from) / (end - from)) * (width - left - right);
    const most = Math.max(1, ...points.map(([, minor]) => minor));
    const least = Math.min(0, ...points.map(([, minor]) => minor));
    const y = (minor) => top + (height - top - bottom) * (1 - (minor - least) / (most - least));
    const at0 = (time) => points.reduce((last, [t, minor]) => (instant(t) <= time ? minor : last), 0);
    let line = `M${x(from)} ${y(at0(from))}`;
    for (const [t, minor] of points) if (instant(t) > from) line += `H${x(instant(t)).toFixed(1)}V${y(minor).toFixed(1)}`;
    line += `H${x(end)}`;
    const days = [];
    for (let time = from; time <= end; time += 864e5) days.push(new Date(time).toISOString().slice(0, 10));
    return s("svg", { width, height, role: "img", "aria-label": plain("story.stairs", { currency: currencyName(currency) }) },
      s("path", { class: "area", d: `${line}V${y(0)}H${x(from)}Z` }),
      s("line", { class: "axis", x1: left, x2: width - right, y1: y(0), y2: y(0) }),
      from < start && s("line", { class: "start", x1: x(start), x2: x(start), y1: 4, y2: y(0) }),
      s("path", { class: "stair", d: line }),
      s("text", { class: "panel", x: left, y: 10 }, compact(most, currency)),
      timeTicks(days, (place) => x(from + place * 864e5), width - right, height - 4),
      marks.map((mark) => {
        const time = instant(mark.t), where = { cx: x(time), cy: y(at0(time)), r: 5.5 };
        const shape = mark.channel === "sms" ? s("rect", { class: stageClass(mark.stage), x: where.cx - 5, y: where.cy - 5, width: 10, height: 10, rx: 2 }) : s("circle", { class: stageClass(mark.stage), ...where });
        return tipped(shape, () => [h("strong", null, moment(mark.t)), h("span", null, `${named("channel", mark.channel)} · ${mark.step}`), tipRow(named("stage", mark.stage), money(at0(time), currency), h("i", { class: stageClass(mark.stage) }))]);
      }));
  }

  const reasonText = (reason) => (lang === "en" && reason.text_en) || reason.text || reason.code;
  const why = (event) => event.why && event.why.reasons.length > 0 && h("details.why", null,
    h("summary", null, word("story.why")), h("ul", null, event.why.reasons.map((reason) => h("li", { title: reason.code }, reasonText(reason)))));

  const EVENTS = {
    money: (event) => [
      h("p.line", null, h("b", null, named("money", event.kind)), " ", h("b" + (event.amount < 0 ? ".less" : ".more-owed"), null, signed(event.amount, event.currency)),
        h("span.mute", null, " · ", event.receivable || word("story.unapplied"), event.cause && ` · ${event.cause}`, " · ", plain("story.balance", { amount: money(event.open, event.currency) })))],
    agreement: (event) => [
      h("p.line", null, h("b", null, named("agreement", event.became)), event.number !== null && [" ", number(event.number)],
        event.kind && [" · ", named("agreement.kind", event.kind)],
        event.amount !== null && event.currency && [" · ", money(event.amount, event.currency)],
        h("span.mute", null, " · ", h("code", null, event.id))),
      event.became === "agreement_broken" && h("p.reason.next", null, event.resume ? plain("story.resumes", { step: event.resume }) : word("story.resumes.age"))],
    decision: (event) => [
      h("p.line", null, h("b", null, named("decision", event.decision)), event.step && [" · ", plain("story.step", { step: event.step })],
        event.n > 1 && [" · ", plain("story.times", { n: event.n }), ", ", plain("story.until", { when: moment(event.t2) })]),
      event.reasons.map((reason) => h("p.reason", { title: reason.code }, reasonText(reason))),
      event.next && h("p.reason.next", null, plain("story.next_look", { when: moment(event.next) }))],
    refusal: (event) => [
      h("p.line", null, h("b", null, event.channel ? plain("story.not_sent", { channel: named("channel", event.channel) }) : word("story.not_sent.any")), " · ", ruleName(event.rule, event.code),
        event.step && h("span.mute", null, " · ", plain("story.step", { step: event.step })),
        event.n > 1 && h("span.mute", null, " · ", plain("story.times", { n: event.n }), ", ", plain("story.until", { when: moment(event.t2) }))),
      event.reason && h("p.reason", null, event.reason),
      h("p.reason.law", null, event.source || word("silences.house"), " ", h("code", null, event.rule)),
      event.next && h("p.reason.next", null, plain("story.allowed", { when: moment(event.next) }))],
    task: (event) => [
      h("p.line", null, h("b", null, named("task", event.kind)), event.step && h("span.mute", null, " · ", plain("story.step", { step: event.step })), event.stage && [" ", chip(event.stage)]),
      event.reason && h("p.reason", null, event.reason),
      event.due && h("p.reason.next", null, plain("story.due_by", { when: moment(event.due) })),
      event.script && h("details.why", null, h("summary", null, word("story.script")), h("p.script", null, event.script)),
      why(event)],
    message: (event) => [
      // The whole card answers the pointer; for the keyboard and the reader there is its button.
      h("div.card", { "data-message": event.id, onclick: (click) => { if (!click.target.closest("a, button, summary, details, .pane") && !String(getSelection())) choose(event); } },
        h("p.line", null, h("b", null, named("channel", event.channel)), " ", chip(event.stage), event.step && h("span.mute", null, plain("story.step", { step: event.step })),
          !event.out && h("span.alert", null, named("state", event.state))),
        event.channel === "sms" ? h("p.bubble", null, event.text) : [h("h4", null, event.subject || word("preview.nosubject")), event.text && h("p.snippet", null, event.text.slice(0, 220))],
        h("p.meta", null, h("button.text", { type: "button", "aria-expanded": String(preview.message === event), onclick: () => choose(event) }, word("story.view")),
          event.to && h("span", null, event.to), event.items.length > 0 && h("span", null, plain("story.items", { n: event.items.length }))),
        why(event))],
  };
  const eventIcon = (event) =>
    event.k === "message" ? event.channel
    : event.k === "money" ? (event.kind === "charge" ? "charge" : event.kind === "payment" && event.amount < 0 ? "payment" : "money")
    : event.k === "decision" ? { hold: "hold", person: "person" }[event.decision] || "decision" : event.k;

  function drawEvents() {
    const events = told.story.events.filter((event) => kinds[event.k]);
    let month = "";
    const items = [];
    for (const event of events) {
      if (event.t.slice(0, 7) !== month) {
        month = event.t.slice(0, 7);
        items.push(h("li.month", null, h("h3", null, dated(month + "-01", { month: "long", year: "numeric" }))));
      }
      const chargeDay = event.k === "money" && event.t.slice(11, 16) === "00:00";
      items.push(h("li", { class: `event is-${event.k}${event.k === "message" && !event.out ? " is-troubled" : ""}` },
        h("div.when", null, timeOf(event.t, [h("b", null, dated(event.t, { weekday: "short", day: "numeric" })), !chargeDay && h("span", null, clock(event.t))])),
        h("div", { class: "dot " + (event.k === "message" ? stageClass(event.stage) : "") }, icon(eventIcon(event))),
        h("div.what", null, EVENTS[event.k](event))));
    }
    put("events", items.length ? items : h("li.blank", null, word(told.story.events.length ? "story.hidden" : "story.empty")));
    drawPreview();
  }

  function choose(event) {
    // On a phone the preview opens under its message, and a second tap closes it.
    const again = preview.message === event && !WIDE.matches;
    preview.message = again ? null : event;
    drawPreview();
    if (!again && !WIDE.matches) at("pane").scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  const escaped = (text) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  function drawPreview() {
    const pane = at("pane");
    if (!pane) return;
    const message = preview.message;
    const home = document.querySelector(".telling");
    const card = message && [...document.querySelectorAll("[data-message]")].find((one) => one.dataset.message === message.id);
    document.querySelectorAll("[data-message]").forEach((one) => {
      one.classList.toggle("chosen", one === card);
      one.querySelector("[aria-expanded]").setAttribute("aria-expanded", String(one === card));
    });
    if (WIDE.matches || !card) home.append(pane);
    else card.after(pane);
    pane.hidden = !message && !WIDE.matches;
    if (!message) return pane.replaceChildren(h("p.blank", null, word("preview.empty")));
    const subject = message.subject || word("preview.nosubject");
    const fact = (name, value) => value && [h("dt", null, word(name)), h("dd", null, value)];
    const width = (name) => h("button", { type: "button", "data-width": name, "aria-pressed": String(preview.width === name), onclick: () => { preview.width = name; drawPreview(); pane.querySelector(`[data-width="${name}"]`).focus(); } }, word(`preview.${name}`));
    const link = (href, label) => href && h("a", { href, target: "_blank", rel: "noopener noreferrer" }, label);
    refill(pane,
      h("div.pane-bar", null,
        message.channel === "sms" ? h("b", null, named("channel", "sms")) : h("div.switch", { role: "group", "aria-label": word("preview.width") }, width("phone"), width("desktop")),
        link(message.html, word("preview.file")),
        !WIDE.matches && h("button.text", { type: "button", onclick: () => choose(message) }, word("preview.close"))),
      message.channel === "sms"
        ? h("div.phone", null, h("div.sms", null, h("p.from", null, message.creditor || message.to), h("p.bubble", null, message.text), timeOf(message.t, moment(message.t))))
        : device(message, subject),
      h("dl.facts", null,
        fact("preview.subject", message.channel === "sms" ? null : subject), fact("preview.creditor", message.creditor), fact("preview.to", message.to), fact("preview.sent", timeOf(message.t, moment(message.t))),
        fact("preview.rulebook", message.rulebook), fact("preview.id", h("code", null, message.id)), fact("preview.provider", message.provider_id && h("code", null, message.provider_id)),
        message.items.length > 0 && fact("preview.shown", h("ul", null, message.items.map((item) => h("li", null, h("code", null, item.id), " ", money(item.open, item.currency), item.late !== null && [" · ", item.late > 0 ? plain("story.state.late", { n: item.late }) : word("story.state.current")])))),
        fact("preview.eml", link(message.eml, message.eml))));
  }

  // The e-mail as it came, in a frame that runs nothing and reaches nothing of this page.
  function device(message, subject) {
    const frame = h("iframe", { sandbox: "", referrerpolicy: "no-referrer", title: plain("preview.frame", { subject }) });
    if (message.html) frame.src = message.html;
    else frame.srcdoc = `<!doctype html><meta charset="utf-8"><style>body{font:16px/1.5 sans-serif;margin:24px;white-space:pre-wrap;overflow-wrap:anywhere}</style>${escaped(message.text)}`;
    const box = h("div", { class: `device is-${preview.width}` }, frame);
    const wanted = preview.width === "phone" ? 375 : 820;
    onWidth(box, (width) => {
      const scale = Math.min(1, width / wanted);
      Object.assign(frame.style, { width: `${scale < 1 ? wanted : preview.width === "phone" ? wanted : width}px`, height: `${620 / scale}px`, transform: `scale(${scale})` });
      return frame;
    });
    return box;
  }

  // ── Drawing to the width there is ──────────────────────────────────────────────────────────

  const widths = new WeakMap();
  const watcher = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      const job = widths.get(target);
      const width = Math.floor(contentRect.width);
      if (!job || width < 1 || width === job.width) continue;
      job.width = width;
      const drawn = job.draw(width);
      if (drawn.parentNode !== target) target.replaceChildren(drawn);
    }
  });
  function onWidth(box, draw) {
    widths.set(box, { draw, width: 0 });
    watcher.unobserve(box);
    watcher.observe(box);
  }

  // ── The whole ──────────────────────────────────────────────────────────────────────────────

  function drawWords() {
    document.documentElement.lang = lang;
    for (const node of document.querySelectorAll("[data-say]")) node.textContent = word(node.dataset.say);
    for (const node of document.querySelectorAll("[data-label]")) if (knows(node.dataset.label)) node.setAttribute("aria-label", word(node.dataset.label));
    for (const button of document.querySelectorAll("[data-lang]")) button.setAttribute("aria-pressed", String(button.dataset.lang === lang));
    document.querySelector(".brand").href = hash({ account: null, section: null });
    for (const link of document.querySelectorAll("#nav a, .skip")) link.href = hash({ account: null, section: new URLSearchParams(link.getAttribute("href").slice(1)).get("section") });
  }
  function drawFacts() {
    const fact = (name, value) => value !== null && value !== "" && value !== undefined && [h("dt", null, name), h("dd", null, value)];
    const took = DATA.elapsed === null ? null
      : DATA.elapsed < 90 ? plain("seconds", { n: number(Math.round(DATA.elapsed)) })
      : plain("minutes", { m: number(Math.floor(DATA.elapsed / 60)), s: number(Math.round(DATA.elapsed % 60)) });
    put("facts",
      DATA.sources.map(([name, value]) => fact(named("source", name), value)),
      fact(word("foot.period"), `${longDay(DATA.from)} – ${longDay(DATA.to)}`), fact(word("foot.zone"), DATA.zone), fact(word("foot.rulebook"), DATA.rulebook && h("code", null, DATA.rulebook)),
      fact(word("foot.decisions"), number(DATA.counts.decisions)), fact(word("foot.elapsed"), took),
      DATA.stack.map(([name, value]) => fact(name.replaceAll("_", " "), value)));
  }
  function drawOverview() {
    drawWords();
    drawHero();
    drawMoney();
    drawAgeing();
    drawActivity();
    drawLadder();
    drawSilences();
    drawRuns();
    drawFilters();
    drawAccounts();
    drawFacts();
  }

  let now = { lang: null, account: null, section: null };
  let leftAt = 0;
  function follow() {
    const next = address();
    const spoke = next.lang !== now.lang;
    lang = next.lang;
    hideTip();
    if (spoke) drawOverview();
    if (next.account) {
      if (!now.account) leftAt = window.scrollY;
      at("overview").hidden = true;
      at("story").hidden = false;
      drawStory(next.account);
      document.title = `${told ? told.account.name || told.account.id : next.account} · ${DATA.title} · Escalón`;
      if (next.account !== now.account) {
        window.scrollTo(0, 0);
        if (now.lang !== null) at("story").querySelector("h1").focus({ preventScroll: true });
      }
    } else {
      at("story").hidden = true;
      at("story").replaceChildren();
      at("overview").hidden = false;
      told = null;
      document.title = `${DATA.title} · Escalón`;
      if (now.account && !next.section) {
        window.scrollTo(0, leftAt);
        [...document.querySelectorAll("[data-account]")].find((link) => link.dataset.account === now.account)?.focus({ preventScroll: true });
      } else if (next.section && !spoke || (next.section && now.lang === null)) {
        go(next.section);
      }
    }
    drawWords();
    now = next;
  }
  function go(section) {
    const target = at(section);
    // Charts take their height once they know their width; go there after that.
    if (target) requestAnimationFrame(() => requestAnimationFrame(() => { target.scrollIntoView(); if (section === "main") target.focus({ preventScroll: true }); }));
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-lang]");
    if (button) location.replace(hash({ lang: button.dataset.lang }));
    const link = event.target.closest("#nav a");
    // A second click on the same section changes no address, and still should go there.
    if (link && link.getAttribute("href") === location.hash) go(address().section);
  });
  window.addEventListener("hashchange", follow);
  window.addEventListener("scroll", hideTip, { passive: true });
  WIDE.addEventListener("change", () => { if (told) drawPreview(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
  follow();
})();
