// Shows an answer by its media type, as it comes. Nothing of it is ever run as a script.

import { $, count, encode, make } from "./elements.js";

const MOST_TEXT = 256 * 1024;        // characters of a text that are shown
const MOST_ITEMS = 1000;             // items of a stream, members of one level of JSON
const MOST_ROWS = 200;               // rows of a table
const MOST_OPEN = 6;                 // levels of JSON that are unfolded at first
const MOST_PARSED = 8 * 1024 ** 2;   // bytes of JSON or of a document that are taken apart

// ---- views: `add` takes bytes as they come, `end` the whole answer

export const mediaOf = (answer) => (answer.headers.get("content-type") || "").split(";")[0].trim().toLowerCase();
let page = { notice() {}, showErrors() {} };
const pictures = [];

export function forgetMedia() {
  for (const address of pictures.splice(0)) URL.revokeObjectURL(address);
}

const nothing = () => {};

export function chooseView(answer, ui) {
  page = ui;
  const media = mediaOf(answer);
  if (media === "text/event-stream") return itemsView(readEvents);
  if (/ndjson|jsonl|json-seq|jsonlines/.test(media)) return itemsView(readLines);
  if (media === "application/problem+json") return { add: nothing, end: (whole) => showProblem(whole) };
  if (/[/+]json$/.test(media)) return { add: nothing, end: showJson };
  if (media === "text/html" || media === "application/xhtml+xml") return { add: nothing, end: showDocument };
  if (media === "text/csv") return { add: nothing, end: showCsv };
  if (/^(image|audio|video)\//.test(media)) return { add: nothing, end: (whole) => showMedia(whole, media) };
  if (/^text\/|[/+](xml|yaml|javascript|sql)$/.test(media)) return textView();
  return { add: nothing, end: (_, got) => {
    $("body").append(make("p", got ? `${media || "No media type"}: nothing to show here, but it can be downloaded.` : "The answer is empty."));
  } };
}

function textView() {
  const decoder = new TextDecoder();
  const box = make("pre");
  box.tabIndex = 0;
  let room = MOST_TEXT;
  $("body").append(box);
  return {
    add(bytes) {
      if (room <= 0) return;
      const text = decoder.decode(bytes, { stream: true });
      box.append(text.slice(0, room));
      room -= text.length;
    },
    end(_, got) { if (room <= 0) cut(); if (!got) box.replaceWith(make("p", "The answer is empty.")); },
  };
}

const cut = () => page.notice("Only the beginning is shown; the download has all of it.");

// reads items out of a stream of text; `read` takes them from its buffer
function itemsView(read) {
  const decoder = new TextDecoder();
  const list = make("ol", undefined, "events");
  list.tabIndex = 0;
  list.setAttribute("aria-label", "items");
  $("body").append(list);
  let buffer = "";
  let items = 0;
  const show = (all) => {
    const [found, rest] = read(buffer, all);
    buffer = rest;
    for (const [name, text] of found) {
      items += 1;
      if (items > MOST_ITEMS) continue;
      const line = make("li");
      if (name) line.append(make("span", name, "type"));
      line.append(text.slice(0, 20000));
      list.append(line);
      list.scrollTop = list.scrollHeight;
    }
  };
  return {
    add(bytes) {
      buffer += decoder.decode(bytes, { stream: true });
      show(buffer.length > MOST_TEXT);  // an item without an end is shown in parts
    },
    end() {
      show(true);
      if (items > MOST_ITEMS) cut();
      $("status").append(`, ${count(items, "item")}`);
    },
  };
}

function readLines(buffer, all) {
  const lines = buffer.split("\n");
  const rest = all ? "" : lines.pop();
  return [lines.filter((line) => line.trim()).map((line) => ["", line]), rest];
}

function readEvents(buffer, all) {
  const blocks = buffer.replace(/\r\n?/g, "\n").split("\n\n");
  const rest = all ? "" : blocks.pop();
  const found = [];
  for (const block of blocks) {
    const lines = block.split("\n").map((line) => /^([^:]*):? ?(.*)$/.exec(line));
    const pick = (name) => lines.filter((line) => line && line[1] === name).map((line) => line[2]);
    const data = pick("data");
    if (data.length || pick("event").length) found.push([[...pick("event"), ...pick("id").map((id) => `#${id}`)].join(" "), data.join("\n")]);
  }
  return [found, rest];
}

async function textOf(whole) {
  if (!whole || whole.size > MOST_PARSED) return null;
  return whole.text();
}

async function showPlain(whole) {
  const view = textView();
  if (whole) view.add(new Uint8Array(await whole.slice(0, MOST_TEXT * 4).arrayBuffer()));
  view.end(null, whole ? whole.size : 0);
  if (!whole) cut();
}

async function showJson(whole) {
  const text = await textOf(whole);
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (text === null || value === undefined) return showPlain(whole);
  const rows = asRows(value);
  if (rows) {
    $("body").append(makeTable(rows.names, rows.cells, value.length));
    const box = make("details");
    box.append(make("summary", "JSON"), makeTree(value));
    $("body").append(box);
  } else {
    $("body").append(makeTree(value));
  }
  if (/[^\d.eE+-](\d{17,})/.test(` ${text}`)) page.notice("JavaScript rounds long numbers; the download has them as they came.");
  return undefined;
}

const isPlain = (value) => value === null || typeof value !== "object";

// a list of flat objects is a table
function asRows(value) {
  if (!Array.isArray(value) || !value.length) return null;
  const rows = value.slice(0, MOST_ROWS);
  if (!rows.every((row) => row && !isPlain(row) && !Array.isArray(row) && Object.values(row).every(isPlain))) return null;
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  if (!names.length || names.length > 100) return null;
  return { names, cells: rows.map((row) => names.map((name) => name in row ? row[name] : "")) };
}

function makeTable(names, cells, total) {
  const table = make("table");
  const head = make("tr");
  for (const name of names) head.append(Object.assign(make("th", name), { scope: "col" }));
  table.createTHead().append(head);
  const body = table.createTBody();
  for (const row of cells) {
    const line = make("tr");
    for (const cell of row) line.append(make("td", cell === null ? "null" : String(cell)));
    body.append(line);
  }
  const box = make("div", undefined, "scroll");
  Object.assign(box, { tabIndex: 0, role: "region", ariaLabel: "table" });
  box.append(table);
  const whole = make("div");
  whole.append(box, make("p", total > cells.length ? `The first ${cells.length} of ${count(total, "row")}.` : `${count(total, "row")}.`, "help"));
  return whole;
}

// members of a level are made when it is opened
function makeTree(value) {
  const box = make("div", undefined, "tree");
  box.append(makeNode(undefined, value, MOST_OPEN));
  return box;
}

// `open`: how many levels are open from here on
function makeNode(key, value, open) {
  const name = key === undefined ? [] : [make("span", key, "key"), ": "];
  if (isPlain(value)) {
    const line = make("span");
    line.append(...name, JSON.stringify(value).slice(0, MOST_TEXT));
    return line;
  }
  const isList = Array.isArray(value);
  if (!Object.keys(value).length) {
    const line = make("span");
    line.append(...name, isList ? "[]" : "{}");
    return line;
  }
  const total = isList ? value.length : Object.keys(value).length;
  const box = make("details");
  const summary = make("summary");
  summary.append(...name, make("span", isList ? `[${count(total, "item")}]` : `{${count(total, "member")}}`, "type"));
  box.append(summary);
  let made = false;
  const fillIn = () => {
    if (made || !box.open) return;
    made = true;
    const list = make("ul");
    const shown = isList ? value.slice(0, MOST_ITEMS).map((part, index) => [String(index), part]) : Object.entries(value).slice(0, MOST_ITEMS);
    for (const [part, inner] of shown) {
      const line = make("li");
      line.append(makeNode(part, inner, total <= 20 ? open - 1 : 0));
      list.append(line);
    }
    if (total > MOST_ITEMS) list.append(make("li", `\u2026 and ${count(total - MOST_ITEMS, "more")}`.replace(/mores$/, "more"), "type"));
    box.append(list);
  };
  box.addEventListener("toggle", fillIn);
  box.open = open > 0;
  fillIn();
  return box;
}

async function showProblem(whole) {
  let problem;
  try {
    problem = JSON.parse(await textOf(whole));
  } catch {
    return showPlain(whole);
  }
  if (problem === null || typeof problem !== "object") return showPlain(whole);
  const errors = (Array.isArray(problem.errors) ? problem.errors : []).filter((error) => error && typeof error === "object");
  page.notice(String(problem.detail || problem.title || "The call was refused."), true);
  if (problem.error_id) page.notice(`The log of the service has the reason under ${problem.error_id}.`, true);
  if (typeof problem.traceback === "string") $("body").append(make("pre", problem.traceback));
  if (errors.length) page.showErrors(errors.map((error) => [String(error.field ?? ""), String(error.message ?? "")]));
  const box = make("details");
  box.append(make("summary", "Problem document"), makeTree(problem));
  $("body").append(box);
  return undefined;
}

// rows of RFC 4180; only the beginning is read
function readCsv(text) {
  const rows = [[]];
  const pattern = /("(?:[^"]|"")*"|[^,\r\n]*)(,|\r?\n|$)/y;
  for (let match = pattern.exec(text); match && rows.length <= MOST_ROWS + 1; match = pattern.exec(text)) {
    rows[rows.length - 1].push(match[1].startsWith('"') ? match[1].slice(1, -1).replace(/""/g, '"') : match[1]);
    if (match[2] === "") break;
    if (match[2] !== ",") rows.push([]);
  }
  return rows.filter((row) => row.length > 1 || row[0]);
}

async function showCsv(whole) {
  const text = whole ? await whole.slice(0, MOST_PARSED).text() : "";
  const rows = readCsv(text);
  if (!rows.length) return showPlain(whole);
  const total = Math.max(text.split("\n").filter(Boolean).length - 1, 0);
  $("body").append(makeTable(rows[0], rows.slice(1, MOST_ROWS + 1), Math.min(total, total)));
  return undefined;
}

// also no pictures of this service: a document cannot make this browser ask for anything
const NO_REQUESTS = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:">`;

// in a frame of an origin of its own, without scripts, forms or the network: it inherits the policy of this page
async function showDocument(whole) {
  const text = await textOf(whole);
  if (text === null) return showPlain(whole);
  const frame = make("iframe");
  frame.setAttribute("sandbox", "");
  frame.title = "the answer, as a document";
  frame.srcdoc = text.replace(/^\s*(<!doctype[^>]*>)?/i, (begin) => `${begin}${NO_REQUESTS}`);
  const box = make("details");
  const source = make("pre", text.slice(0, MOST_TEXT));
  source.tabIndex = 0;
  box.append(make("summary", "Source"), source);
  $("body").append(frame, make("p", "Scripts, styles and remote parts of the document are left out.", "help"), box);
  return undefined;
}

async function showMedia(whole, media) {
  if (!whole || !whole.size) return showPlain(whole);
  const kind = media.split("/")[0];
  const element = make(kind === "image" ? "img" : kind);
  const typed = new Blob([whole], { type: media });
  if (media === "image/svg+xml") {  // as data it has no origin, also where it is opened in a tab
    element.src = `data:image/svg+xml;base64,${await encode(typed)}`;
  } else {
    element.src = URL.createObjectURL(typed);
    pictures.push(element.src);
  }
  if (kind === "image") element.alt = "the answer, an image";
  else element.controls = true;
  element.addEventListener("error", () => {
    element.replaceWith(make("p", `This browser cannot show ${media}, but it can be downloaded.`));
  });
  $("body").append(element);
  return undefined;
}
