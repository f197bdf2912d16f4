"use strict";
(() => {
  // The data: see data.rs for how it is packed. Text from it only ever becomes text, never markup.
  const data = JSON.parse(document.getElementById("data").textContent);
  const VERDICTS = ["fail", "unknown", "excepted", "pass", "not applicable", "not asked"];
  const SEVERITIES = ["informational", "low", "medium", "high", "critical"];
  const [FAIL, UNKNOWN, EXCEPTED, NOT_ASKED] = [0, 1, 2, 5];
  const INFORMATIONAL = 0;
  const now = Date.parse(data.at);
  const at = Object.fromEntries(data.columns.map((name, i) => [name, i]));
  const text = (n) => (n < 0 ? "" : data.texts[n]);
  const $ = (id) => document.getElementById(id);

  // An element with attributes and children; a child that is no element is text.
  function el(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (name === "on") for (const [event, run] of Object.entries(value)) node.addEventListener(event, run);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value != null) node.setAttribute(name, value);
    }
    node.append(...children.flat().filter((child) => child != null && child !== ""));
    return node;
  }
  const outside = (value) => el("bdi", null, value);

  const value = (i, column) => text(data.load_balancers[i][at[column]]);
  const name = (i) => data.names[i];
  // Puts a load balancer's own words back in place of their marks.
  function own(i, packed) {
    if (!/[\u0001-\u0005]/.test(packed)) return packed;
    return packed.replace(/[\u0001-\u0005]/g, (mark) => {
      switch (mark) {
        case "\u0001": return arn(i);
        case "\u0002": return name(i);
        case "\u0003": return value(i, "managed_by");
        case "\u0004": return value(i, "account");
        default: return value(i, "region");
      }
    });
  }
  const arn = (i) => own(i, value(i, "arn")) + data.tails[i];

  function findings(i) {
    const row = data.findings[i];
    const list = [];
    for (let n = 0; n < row.length; n += 3) {
      const [kind, severity, because, remedy, exception, expires] = data.verdicts[row[n + 1]];
      const history = row[n + 2] < 0 ? null : data.histories[row[n + 2]];
      list.push({ rule: row[n], kind, severity, because, remedy, exception, expires, history });
    }
    return list;
  }
  const isOpen = (f) => f.kind === FAIL || f.kind === EXCEPTED;
  const days = (iso) => Math.max(0, Math.floor((now - Date.parse(iso)) / 86400000));

  // What the table sorts and filters by, worked out once.
  const rows = data.load_balancers.map((_, i) => {
    const row = { i, worst: -1, fails: 0, unknown: 0, excepted: 0, unseen: 0, since: null, failing: [], exception: "" };
    for (const f of findings(i)) {
      if (f.kind === FAIL) {
        row.worst = Math.max(row.worst, f.severity);
        row.failing.push(f.rule);
        if (f.severity > INFORMATIONAL) row.fails += 1;
      }
      if (f.kind === UNKNOWN) { row.unknown += 1; row.failing.push(f.rule); }
      if (f.kind === EXCEPTED) { row.excepted += 1; row.failing.push(f.rule); row.exception = own(i, text(f.exception)) + " until " + own(i, text(f.expires)); }
      // Not asked this time, and not resolved: it was open when it was last seen.
      if (f.kind === NOT_ASKED && f.history && f.history[2] < 0) { row.unseen += 1; row.failing.push(f.rule); }
      if (isOpen(f) && f.severity > INFORMATIONAL && f.history) {
        const first = text(f.history[0]);
        if (row.since === null || first < row.since) row.since = first;
      }
    }
    row.undated = row.since === null && (row.fails > 0 || row.excepted > 0);
    return row;
  });
  const haystacks = new Array(rows.length);
  function haystack(i) {
    return haystacks[i] ??= [name(i), arn(i), value(i, "owner"), value(i, "account_name"), value(i, "ou"), value(i, "managed_by"), value(i, "environment"), value(i, "application")].join("\n").toLowerCase();
  }

  const STATES = {
    failing: ["Failing", (row) => row.fails > 0],
    pressing: ["Critical or high", (row) => row.worst >= 3],
    unknown: ["Something unknown", (row) => row.unknown > 0],
    excepted: ["Under an exception", (row) => row.excepted > 0],
    unseen: ["Open when last seen", (row) => row.unseen > 0],
    fine: ["Nothing open", (row) => row.fails + row.unknown + row.excepted + row.unseen === 0],
  };
  const filters = {
    state: { label: "State", options: Object.entries(STATES).map(([key, [label]]) => [key, label]), test: (row, key) => STATES[key][1](row) },
    rule: { label: "Rule not met", options: data.rules.map((rule) => [rule.id, rule.title]), test: (row, id) => row.failing.some((n) => data.rules[n].id === id) },
    mode: byColumn("Mode", "mode"),
    owner: byColumn("Owner", "owner"),
    ou: byColumn("Unit", "ou"),
    account: byColumn("Account", "account"),
    ...(data.load_balancers.some((_, i) => value(i, "cost_centre")) ? { cost_centre: byColumn("Cost centre", "cost_centre") } : {}),
    region: byColumn("Region", "region"),
    kind: byColumn("Kind", "kind"),
  };
  function byColumn(label, column) {
    const used = new Set(data.load_balancers.map((row) => row[at[column]]));
    const options = [...used].map((n) => [text(n), text(n)]).sort((a, b) => a[0].localeCompare(b[0], "en"));
    return { label, options, test: (row, wanted) => value(row.i, column) === wanted };
  }

  const byText = (read) => (a, b) => read(a).localeCompare(read(b), "en");
  const MODES = ["monitor", "defensive", "strictest"];
  const modeRank = (row) => { const rank = MODES.indexOf(value(row.i, "mode")); return rank < 0 ? (value(row.i, "mode").startsWith("unknown") ? -1 : 9) : rank; };
  const columns = [
    { key: "name", label: "Load balancer", compare: byText((row) => name(row.i)), cell: (row) => [el("button", { type: "button", class: "link", "data-row": row.i, "aria-haspopup": "dialog" }, outside(name(row.i))), el("span", { class: "sub" }, value(row.i, "kind") + ", " + value(row.i, "scheme"))], head: true },
    { key: "worst", label: "Highest severity", compare: (a, b) => b.worst - a.worst || b.unknown - a.unknown || b.fails - a.fails || b.excepted - a.excepted, cell: worst },
    { key: "mode", label: "Mode", compare: (a, b) => modeRank(a) - modeRank(b), cell: (row) => { const mode = value(row.i, "mode"); const required = value(row.i, "required"); return el("span", { class: "mode" }, el("span", { class: "tag " + mode.split(" ")[0] }, mode), mode === required ? null : el("span", { class: "sub" }, "required: " + required)); } },
    { key: "since", label: "Open for", numeric: true, compare: (a, b) => (a.since ?? "~").localeCompare(b.since ?? "~"), cell: (row) => row.since ? days(row.since) + " days" : row.undated ? "not recorded" : "–" },
    { key: "exception", label: "Exception", compare: byText((row) => row.exception || "~"), cell: (row) => row.exception ? outside(row.exception) : "–" },
    { key: "owner", label: "Owner", compare: byText((row) => value(row.i, "owner")), cell: (row) => outside(value(row.i, "owner")) },
    { key: "account", label: "Account", compare: byText((row) => value(row.i, "account")), cell: (row) => [value(row.i, "account"), el("span", { class: "sub" }, outside(value(row.i, "account_name")))] },
    { key: "place", label: "Region and unit", compare: byText((row) => value(row.i, "region") + " " + value(row.i, "ou")), cell: (row) => [value(row.i, "region"), el("span", { class: "sub" }, outside(value(row.i, "ou")))] },
  ];
  function worst(row) {
    const tags = [];
    if (row.worst >= 0) tags.push(el("span", { class: "tag " + SEVERITIES[row.worst] }, SEVERITIES[row.worst]));
    if (row.unknown > 0) tags.push(el("span", { class: "tag unknown" }, row.unknown + " unknown"));
    if (row.excepted > 0) tags.push(el("span", { class: "tag excepted" }, "excepted"));
    if (row.unseen > 0) tags.push(el("span", { class: "tag unknown" }, "open when last seen"));
    if (tags.length === 0) return el("span", { class: "tag pass" }, "nothing open");
    return tags.flatMap((tag, n) => (n === 0 ? [tag] : [el("br"), tag]));
  }

  const shown = { search: "", chosen: {}, sort: "worst", down: false, page: 0, size: 25, rows: [], open: -1 };
  const number = (n) => n.toLocaleString("en");

  function select() {
    const words = shown.search.toLowerCase().split(/\s+/).filter(Boolean);
    const tests = Object.entries(shown.chosen).filter(([, wanted]) => wanted !== "");
    const column = columns.find((one) => one.key === shown.sort);
    const found = rows.filter((row) => tests.every(([key, wanted]) => filters[key].test(row, wanted)) && words.every((word) => haystack(row.i).includes(word)));
    // The data is in a total order already, and sorting keeps the order of equals.
    found.sort((a, b) => (shown.down ? -1 : 1) * column.compare(a, b) || a.i - b.i);
    shown.rows = found;
    shown.page = 0;
    draw();
  }

  function draw(all) {
    const { rows: found, size } = shown;
    const pages = Math.max(1, Math.ceil(found.length / size));
    shown.page = Math.min(shown.page, pages - 1);
    const from = all ? 0 : shown.page * size;
    const to = Math.min(found.length, all ? all : from + size);
    const head = columns.map((column) => el("th", { scope: "col", class: column.numeric && "n", "aria-sort": shown.sort === column.key ? (shown.down ? "descending" : "ascending") : null }, el("button", { type: "button", "data-sort": column.key }, column.label)));
    const body = found.slice(from, to).map((row) => el("tr", null, columns.map((column) => el(column.head ? "th" : "td", { scope: column.head && "row", class: column.numeric && "n" }, column.cell(row)))));
    $("table").replaceChildren(el("thead", null, el("tr", null, head)), el("tbody", null, body));
    const of = found.length === rows.length ? number(rows.length) : number(found.length) + " that match, " + number(rows.length) + " in all";
    $("status").textContent = found.length === 0 ? "None of the " + number(rows.length) + " load balancers matches." : "Rows " + number(from + 1) + " to " + number(to) + " of " + of + ".";
    const step = (label, by, off) => el("button", { type: "button", class: "quiet", disabled: off, "data-step": by }, label);
    const sizes = [25, 50, 100, 250].map((n) => el("option", { value: n, selected: n === size }, n + " rows"));
    $("pager").replaceChildren(step("Previous", -1, shown.page === 0), el("span", null, "Page " + number(shown.page + 1) + " of " + number(pages)), step("Next", 1, shown.page >= pages - 1), el("select", { id: "size", "aria-label": "Rows on a page" }, sizes));
  }

  // What the requests said: a bar for each mode over the requests that are not compliant, which are all that it could block.
  // The namespace is taken from a chart that stands in the page already: nothing here names an address.
  const SVG = document.querySelector("svg").namespaceURI;
  function strip(parts, whole, label) {
    const svg = document.createElementNS(SVG, "svg");
    for (const [name, said] of [["viewBox", "0 0 100 10"], ["preserveAspectRatio", "none"], ["class", "bar thin"], ["role", "img"], ["aria-label", label]]) svg.setAttribute(name, said);
    let x = 0;
    for (const [kind, count] of parts) {
      if (count <= 0) continue;
      const part = document.createElementNS(SVG, "rect");
      const width = (100 * count) / whole;
      for (const [name, said] of [["x", x], ["y", 0], ["width", width], ["height", 10], ["class", "part " + kind]]) part.setAttribute(name, said);
      svg.append(part);
      x += width;
    }
    return svg;
  }
  const LEGEND = [["hurt", "blocks clients that were served, or may have been"], ["blocked", "blocks others"], ["unknown", "blocks; unknown whether the clients were served"], ["closed", "forwards, then closes the connections"], ["forwarded", "forwards"]];
  function traffic(t) {
    const tiers = t.tiers.map(([tier, count]) => tier + " " + number(count)).join(", ");
    const lines = t.modes.map((m) => {
      const hurt = m.hurt == null ? "unknown how many of these are of clients that were served" : number(m.hurt) + " of these are of clients that were served, or may have been";
      const said = "blocks " + number(m.blocked) + " of " + number(t.requests) + (m.blocked > 0 ? ", " + hurt : "") + (m.closed > 0 ? "; closes the connections of " + number(m.closed) : "");
      // Where it is not known what was served, none of it is drawn as harmless.
      const parts = m.hurt == null ? [["unknown", m.blocked]] : [["hurt", m.hurt], ["blocked", m.blocked - m.hurt]];
      const bar = t.odd > 0 ? strip([...parts, ["closed", m.closed], ["forwarded", t.odd - m.blocked - m.closed]], t.odd, m.mode + " " + said) : null;
      return el("tr", null, el("th", { scope: "row" }, m.mode), el("td", { class: "wide" }, bar, el("span", { class: "sub" }, said)));
    });
    return el("section", { class: "finding traffic" },
      el("h3", null, "Traffic"),
      el("p", null, el("b", null, t.advice), ". ", outside(t.because.join(" "))),
      t.modes.length === 0 ? null : el("table", null, el("caption", null, t.odd > 0 ? "The effect of each mode on the " + number(t.odd) + " requests that are not compliant." : "The effect of each mode."), el("tbody", null, lines)),
      t.modes.length === 0 || !(t.odd > 0) ? null : el("ul", { class: "legend" }, LEGEND.map(([kind, said]) => el("li", null, el("span", { class: "key " + kind, "aria-hidden": "true" }), said))),
      t.sources.length === 0 ? null : el("ul", null, t.sources.map(([who, what, count, fix]) => el("li", null, outside(who), ": ", what, ", " + number(Number(count)) + " requests. ", prose(fix)))),
      el("p", { class: "soft" }, "From " + t.basis + (t.window ? ", " + t.window : "") + ": " + number(t.requests) + " " + t.denominator + (tiers ? " (" + tiers + ")" : "") + ". ", outside(t.check)));
  }

  function changes(list) {
    return el("section", { class: "finding" },
      el("h3", null, "What Doorward changed"),
      el("ul", null, list.map((c) => el("li", null, c.at + ": " + c.from + " to " + c.to + ", ", c.good ? c.status : el("b", null, c.status), ". Change ", outside(c.change), ", approved by ", outside(c.by), c.request ? [", request ", outside(c.request)] : null, ".", c.why ? [" Why: ", prose(c.why), "."] : null, c.detail ? [" ", prose(c.detail)] : null))));
  }

  // Copies a text to the clipboard, and reports that.
  function copied(button, text) {
    const report = (word) => { button.textContent = word; setTimeout(() => { button.textContent = "Copy"; }, 1500); };
    if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text).then(() => report("Copied"), () => report("Not copied"));
    const area = el("textarea", { readonly: true, class: "sub" });
    area.value = text;
    button.after(area);
    area.select();
    report(document.execCommand("copy") ? "Copied" : "Not copied");
    area.remove();
    button.focus();
  }
  const copy = (what, text) => el("button", { type: "button", class: "quiet copy", "aria-label": "Copy " + what, on: { click: (event) => copied(event.currentTarget, text) } }, "Copy");
  // The load balancer in the AWS console. It is followed by hand only.
  function consoleLink(i) {
    const region = value(i, "region");
    const host = { aws: "console.aws.amazon.com", "aws-us-gov": "console.amazonaws-us-gov.com", "aws-cn": "console.amazonaws.cn" }[data.partition];
    if (!host || !/^[a-z0-9-]+$/.test(region)) return null;
    const named = value(i, "kind") === "classic" ? name(i) : arn(i);
    const address = ["https:", "", region + "." + host, "ec2", "home?region=" + region + "#LoadBalancer:loadBalancerArn=" + encodeURIComponent(named)].join("/");
    return el("a", { href: address, rel: "noopener noreferrer", target: "_blank" }, "Open in the AWS console");
  }

  // The declaration in code; several are named where none could be chosen.
  function declared(d) {
    const diff = d.old.map((line) => "- " + line).concat(d.new.map((line) => "+ " + line)).join("\n");
    return el("section", { class: "finding" },
      el("h3", null, "Where it is declared"),
      el("ul", null, d.places.map(([place, address, link]) => {
        const at = el("code", null, outside(place));
        // The address is that of the settings; the path in it is encoded.
        const linked = /^https?:/.test(link) ? el("a", { href: link, rel: "noopener noreferrer", target: "_blank" }, at) : at;
        return el("li", null, linked, ": ", outside(address));
      })),
      el("p", { class: "soft" }, d.certainty + ". ", prose(d.because)),
      d.way ? el("p", { class: "todo" }, prose(d.way)) : null,
      diff ? el("p", { class: "sub" }, "The change at ", el("code", null, outside(d.at)), ":") : null,
      diff ? el("pre", null, el("code", null, outside(diff))) : null,
      diff ? copy("the change", d.new.join("\n")) : null);
  }

  function open(i) {
    const all = findings(i);
    const pressing = all.filter((f) => f.kind === FAIL || f.kind === UNKNOWN || f.kind === EXCEPTED).sort((a, b) => b.severity - a.severity || a.kind - b.kind);
    const others = all.filter((f) => !pressing.includes(f));
    const facts = [
      ["Mode", value(i, "mode")], ["Required mode", value(i, "required")], ["Kind and scheme", value(i, "kind") + ", " + value(i, "scheme")],
      ["Owner", value(i, "owner") + (value(i, "owner_source") ? " (by " + value(i, "owner_source") + ")" : "")], ["Account", value(i, "account") + " " + value(i, "account_name")], ["Unit", value(i, "ou")],
      ["Region", value(i, "region")], ["Managed by", value(i, "managed_by")], ["Environment", value(i, "environment")],
      ["Application", value(i, "application")], ["Risk profile", value(i, "risk_profile")], ...(value(i, "cost_centre") ? [["Cost centre", value(i, "cost_centre")]] : []), ["Created", value(i, "created")], ["Access logs", value(i, "access_logs")],
      ["Drops invalid headers", value(i, "drop_invalid_headers")], ["Listeners", value(i, "listeners")],
      ["Reachability", value(i, "reachability")],
      ...(value(i, "triggers") ? [["Published triggers", value(i, "triggers")]] : []),
      ["Read by", value(i, "read_by") ? value(i, "read_by") + ", " + value(i, "read_at") + (data.requests[i] ? ", request " + data.requests[i] : "") : "no call returned the attributes"],
      ...(data.edits && data.edits[i] ? [["Mode last", data.edits[i]]] : []),
    ];
    const sheet = el("div", { class: "sheet" },
      el("div", { class: "sheet-head" }, el("div", null, el("h3", { id: "dialog-title" }, outside(name(i))), el("code", null, outside(arn(i))), copy("the ARN", arn(i)), el("p", null, consoleLink(i))), el("button", { type: "button", class: "quiet", id: "close" }, "Close")),
      el("dl", { class: "facts" }, facts.map(([what, said]) => el("div", null, el("dt", null, what), el("dd", null, outside(said))))),
      pressing.length === 0 ? el("p", null, "Nothing is open here.") : null,
      data.traffic && data.traffic[i] ? traffic(data.traffic[i]) : null,
      data.changes && data.changes[i] ? changes(data.changes[i]) : null,
      data.declared && data.declared[i] ? declared(data.declared[i]) : null,
      pressing.map((f) => el("section", { class: "finding" },
        el("h3", null, data.rules[f.rule].title),
        el("p", null, el("span", { class: "tag " + (f.kind === FAIL ? SEVERITIES[f.severity] : VERDICTS[f.kind]) }, VERDICTS[f.kind] + (f.severity >= 0 ? ", " + SEVERITIES[f.severity] : "")), dated(f)),
        el("p", null, prose(own(i, text(f.because)))),
        f.remedy >= 0 && text(f.remedy) ? el("p", { class: "todo" }, copy("the remedy", own(i, text(f.remedy))), prose(own(i, text(f.remedy)))) : null,
        data.rules[f.rule].why ? el("p", { class: "soft" }, prose(data.rules[f.rule].why)) : null)),
      others.length === 0 ? null : el("div", { class: "others" }, others.map((f) => el("p", null, el("b", null, data.rules[f.rule].title + ": " + VERDICTS[f.kind]), ". ", prose(own(i, text(f.because)))))));
    $("dialog").replaceChildren(sheet);
    if (!$("dialog").open) $("dialog").showModal();
    $("dialog").scrollTop = 0;
    shown.open = i;
    write(true);
  }

  // The address holds the search, the filters, the order and the open load balancer, so that a link shows what its sender saw.
  function address() {
    const parts = new URLSearchParams();
    if (shown.search) parts.set("search", shown.search);
    for (const [key, wanted] of Object.entries(shown.chosen)) if (wanted !== "") parts.set(key, wanted);
    if (shown.sort !== "worst" || shown.down) parts.set("sort", (shown.down ? "-" : "") + shown.sort);
    if (shown.open >= 0) parts.set("open", arn(shown.open));
    const text = parts.toString();
    return text ? "#?" + text : "";
  }
  function write(entry) {
    const wanted = address();
    if (location.hash === wanted) return;
    const place = wanted || location.pathname + location.search;
    if (entry) history.pushState({ sheet: shown.open >= 0 }, "", place);
    else history.replaceState(history.state, "", place);
  }
  const age = (n) => (n < 1 ? "less than 1 day" : n === 1 ? "1 day" : n + " days");
  function dated(f) {
    if (!f.history) return "";
    const [first, , resolved, reopened] = f.history;
    const day = text(first).slice(0, 10);
    return " since " + day + " (" + age(days(text(first))) + ")" + (resolved >= 0 ? ", resolved " + text(resolved).slice(0, 10) : "") + (reopened > 0 ? ", failed again " + (reopened === 1 ? "once" : reopened + " times") : "");
  }
  // Text between backticks is code.
  const quoted = (sentence) => sentence.split("`").map((part, n, parts) => (n % 2 === 1 && n < parts.length - 1 ? el("code", null, part) : part));
  const prose = (sentence) => el("bdi", null, quoted(sentence));

  function set(key, wanted) {
    shown.chosen[key] = wanted;
    $("f-" + key).value = wanted;
  }

  for (const [key, filter] of Object.entries(filters)) {
    const options = [["", "all"], ...filter.options].map(([option, label]) => el("option", { value: option }, label));
    $("filters").append(el("label", null, filter.label, el("select", { id: "f-" + key, "data-key": key }, options)));
    shown.chosen[key] = "";
  }
  let waiting = 0;
  $("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { shown.search = $("search").value; select(); write(false); }, 80);
  });
  $("tools").addEventListener("submit", (event) => event.preventDefault());
  $("filters").addEventListener("change", (event) => { shown.chosen[event.target.dataset.key] = event.target.value; select(); write(true); });
  $("clear").addEventListener("click", () => {
    Object.keys(filters).forEach((key) => set(key, ""));
    $("search").value = shown.search = "";
    select();
    write(true);
  });
  $("link").addEventListener("click", (event) => { write(false); copied(event.currentTarget, location.href); setTimeout(() => { $("link").textContent = "Copy link"; }, 1600); });
  $("export").addEventListener("click", save);
  $("table").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.row !== undefined) return open(Number(button.dataset.row));
    shown.down = shown.sort === button.dataset.sort && !shown.down;
    shown.sort = button.dataset.sort;
    select();
    write(true);
    $("table").querySelector(`[data-sort="${shown.sort}"]`).focus();
  });
  $("pager").addEventListener("click", (event) => {
    const by = event.target.dataset.step;
    if (by === undefined) return;
    shown.page += Number(by);
    draw();
    const again = $("pager").querySelector(`[data-step="${by}"]`);
    (again.disabled ? $("pager").querySelector("button:not(:disabled)") : again)?.focus();
  });
  $("pager").addEventListener("change", (event) => { shown.size = Number(event.target.value); shown.page = 0; draw(); $("size").focus(); });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-filter]");
    if (!button) return;
    Object.keys(filters).forEach((key) => set(key, ""));
    set(button.dataset.filter, button.dataset.value);
    $("search").value = shown.search = "";
    select();
    write(true);
    $("load_balancers").scrollIntoView();
    $("search").focus({ preventScroll: true });
  });
  $("dialog").addEventListener("click", (event) => { if (event.target === $("dialog") || event.target.closest("#close")) $("dialog").close(); });
  $("dialog").addEventListener("close", () => {
    if (shown.open < 0) return;
    shown.open = -1;
    // The sheet has an entry of its own: leaving it goes back, so that Forward opens it again.
    if (history.state?.sheet) history.back();
    else write(false);
  });
  const themes = ["automatic", "light", "dark"];
  $("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const next = themes[(themes.indexOf(root.dataset.theme ?? "automatic") + 1) % themes.length];
    root.dataset.theme = next;
    $("theme").textContent = "Theme: " + next;
  });
  // Text that a spreadsheet neither calculates nor turns into a number, by the same rules as the CSV files of `--format csv`: an
  // apostrophe before a formula, at the beginning and after everything that a program may take for the end of a cell.
  const FORMULA = /^[\s']*[=+\-@%\uff1d\uff0b\uff0d\uff20\uff05]/;
  function guarded(text) {
    const bare = text.replace(/^[\s']+/, "");
    const number = /^[0-9.][0-9\s.,:/\-+eE%]*$/.test(bare);
    const leading = bare.startsWith("|") || /^'*[\t\r]/.test(text) || number;
    const pieces = text.match(/[^;\t\n\r,|"]*[;\t\n\r,|"]|[^;\t\n\r,|"]+/g) ?? [];
    return (leading ? "'" : "") + pieces.map((piece) => (FORMULA.test(piece) ? "'" + piece : piece)).join("");
  }
  // The rows that match, as CSV. Nothing in it is a formula to a spreadsheet.
  function save() {
    const cell = (text) => {
      // A count stays a number.
      const safe = typeof text === "number" ? String(text) : guarded(text);
      return /[";\t,\r\n]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe;
    };
    const fields = [
      ["name", (row) => name(row.i)], ["kind", (row) => value(row.i, "kind")], ["scheme", (row) => value(row.i, "scheme")], ["mode", (row) => value(row.i, "mode")],
      ["required_mode", (row) => value(row.i, "required")], ["highest_severity", (row) => (row.worst < 0 ? "" : SEVERITIES[row.worst])], ["open_findings", (row) => row.fails],
      ["unknown_verdicts", (row) => row.unknown], ["open_since", (row) => row.since ?? ""], ["exception", (row) => row.exception], ["owner", (row) => value(row.i, "owner")],
      ["cost_centre", (row) => value(row.i, "cost_centre")], ["account", (row) => value(row.i, "account")], ["account_name", (row) => value(row.i, "account_name")],
      ["ou", (row) => value(row.i, "ou")], ["region", (row) => value(row.i, "region")], ["arn", (row) => arn(row.i)],
    ];
    const lines = [fields.map(([label]) => label)].concat(shown.rows.map((row) => fields.map(([, read]) => cell(read(row)))));
    const file = new Blob(["\ufeff" + lines.map((line) => line.join(",") + "\r\n").join("")], { type: "text/csv" });
    const link = el("a", { href: URL.createObjectURL(file), download: "load-balancers.csv" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
  // Paper has no pages to turn: what matches is printed, up to what a reader can bear.
  const PRINTED = 1000;
  addEventListener("beforeprint", () => draw(PRINTED));
  addEventListener("afterprint", () => draw());
  for (const id of ["tools", "pager", "theme"]) $(id).hidden = false;
  // On loading, after Back and Forward, and when a link is pasted. An anchor that is an ARN, of an earlier version, opens its sheet.
  let drawn = false;
  function follow() {
    let parts = new URLSearchParams();
    let wanted = "";
    if (location.hash.startsWith("#?")) {
      parts = new URLSearchParams(location.hash.slice(2));
      wanted = parts.get("open") ?? "";
    } else {
      try { wanted = decodeURIComponent(location.hash.slice(1)); } catch { /* not one of our anchors */ }
    }
    const view = () => JSON.stringify([shown.search, shown.chosen, shown.sort, shown.down]);
    const before = view();
    $("search").value = shown.search = parts.get("search") ?? "";
    for (const [key, filter] of Object.entries(filters)) {
      const chosen = parts.get(key) ?? "";
      set(key, filter.options.some(([option]) => option === chosen) ? chosen : "");
    }
    const sort = parts.get("sort") ?? "worst";
    shown.down = sort.startsWith("-");
    shown.sort = columns.some((column) => column.key === sort.replace("-", "")) ? sort.replace("-", "") : "worst";
    // A table that stays as it is keeps the focus and the page.
    if (!drawn || view() !== before) select();
    drawn = true;
    const found = wanted && rows.find((row) => arn(row.i) === wanted);
    if (found) {
      if (shown.open !== found.i) open(found.i);
    } else {
      shown.open = -1;
      if ($("dialog").open) $("dialog").close();
    }
  }
  addEventListener("hashchange", follow);
  addEventListener("popstate", follow);
  follow();
})();
