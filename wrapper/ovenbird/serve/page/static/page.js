// The page of a service: sends the form, and shows the answer as it comes.

import { $, count, encode, make, size, time } from "./elements.js";
import { chooseView, forgetMedia, mediaOf } from "./views.js";

const MOST_HELD = 256 * 1024 ** 2;   // bytes of an answer that are held for its download
const PAUSE = 5000;                  // milliseconds between two looks at the state
const REASONS = { 200: "OK", 204: "No Content", 422: "Unprocessable Content", 429: "Too Many Requests" };

const form = $("call");
const root = new URL("../", location.href);
let running = null;
let address = "";

// ---- the fields and their errors

const fieldOf = (name) => [...form.querySelectorAll("[data-field]")].find((field) => field.dataset.field === name);

function setError(field, text) {
  const message = field.querySelector(".error");
  message.textContent = text;
  message.hidden = !text;
  for (const input of field.querySelectorAll("input, select, textarea")) {
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
}

function clearErrors() {
  for (const field of form.querySelectorAll("[data-field]")) setError(field, "");
  $("form-error").hidden = true;
}

// errors: [[path of the part, text]]; those of no field are shown below all of them
function showErrors(errors) {
  const texts = new Map();
  const others = [];
  const fields = [...form.querySelectorAll("[data-field]")];
  for (const [path, text] of errors) {
    const names = path.split(/[.[]/);
    const found = [path, ...names.slice(0, 2)].find((name) => fieldOf(name));
    const name = found === undefined && fields.length === 1 && path ? fields[0].dataset.field : found;
    if (name === undefined) others.push(path ? `${path}: ${text}` : text);
    else texts.set(name, [...(texts.get(name) || []), name === path || !path ? text : `${path}: ${text}`]);
  }
  for (const [name, lines] of texts) setError(fieldOf(name), lines.join("\n"));
  $("form-error").textContent = others.join("\n");
  $("form-error").hidden = !others.length;
  const first = form.querySelector("[aria-invalid]");
  if (first) first.focus();
}

function fill() {
  const fields = [];
  const files = {};
  for (const input of form.querySelectorAll("[data-field] [name]")) {
    if (input.type === "file") {
      if (input.files.length) files[input.name] = [...input.files].map((file) => file.name);
    } else if (input.type !== "checkbox" || input.checked) {
      fields.push([input.name, input.value]);
    }
  }
  return { fields, files, base: root.href, accept: $("accept").value, token: Boolean($("token").value) };
}

const chosen = (name) => {
  const input = [...form.querySelectorAll("input[type=file]")].find((element) => element.name === name);
  return input ? [...input.files] : [];
};

async function makeBody(plan) {
  if (plan.file) return chosen(plan.file)[0];
  if (plan.parts) {
    const data = new FormData();
    const used = {};
    for (const part of plan.parts) {
      if (part.file === undefined) data.append(part.name, part.text);
      else data.append(part.name, chosen(part.file)[used[part.file] = (used[part.file] ?? -1) + 1]);
    }
    return data;
  }
  let text = plan.text;
  for (const [placeholder, name] of Object.entries(plan.encoded)) {
    text = text.replace(placeholder, await encode(chosen(name)[0]));
  }
  return text ?? undefined;
}

// ---- the call

async function send() {
  clearErrors();
  running = new AbortController();
  $("send").disabled = true;
  $("cancel").hidden = false;
  try {
    const answer = await fetch("page/plan", {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(fill()),
    });
    const plan = await answer.json();
    if (!answer.ok) throw new Error(plan.detail);
    const errors = Object.entries(plan.errors);
    if (errors.length) return showErrors(errors);
    $("curl").textContent = plan.curl;
    $("python").textContent = plan.python;
    $("lines").hidden = false;
    await call(plan);
  } catch (error) {
    showErrors([["", `The form could not be sent: ${error.message}.`]]);
  } finally {
    running = null;
    $("send").disabled = false;
    if (document.activeElement === $("cancel")) $("send").focus();
    $("cancel").hidden = true;
    look();
  }
  return undefined;
}

async function call(plan) {
  const started = performance.now();
  const signal = running.signal;
  clearAnswer();
  let head = "";
  let got = 0;
  const tell = (end) => {
    $("progress").textContent = "";
    $("status").replaceChildren(...[head, ` ${end}`].filter(Boolean));
  };
  const waits = setInterval(() => {  // of no interest to a screen reader
    $("progress").textContent = `${got ? `${size(got)}, ` : ""}running for ${time(performance.now() - started)}\u2026`;
  }, 200);
  try {
    const headers = new Headers(plan.headers);
    if ($("token").value) headers.set("authorization", `Bearer ${$("token").value}`);
    const answer = await fetch(root.href + plan.path, {
      method: plan.method, headers, body: await makeBody(plan), signal, redirect: "manual", cache: "no-store",
    });
    head = describeStatus(answer);
    $("status").replaceChildren(head);
    showHeaders(answer);
    const view = chooseView(answer, { notice, showErrors });
    const chunks = [];
    const reader = answer.body ? answer.body.getReader() : null;
    for (let part = reader && await reader.read(); part && !part.done; part = await reader.read()) {
      got += part.value.length;
      if (got <= MOST_HELD) chunks.push(part.value);
      view.add(part.value);
    }
    clearInterval(waits);
    tell(`${got ? `${size(got)} in ` : ""}${time(performance.now() - started)}`);
    const whole = got <= MOST_HELD ? new Blob(chunks) : null;
    await view.end(whole, got);
    offerDownload(answer, whole, got);
  } catch (error) {
    clearInterval(waits);
    const was = time(performance.now() - started);
    if (signal.aborted) tell(`Cancelled after ${was}.`);
    else {
      tell(head ? `broke off after ${was}, ${size(got)}` : "No answer");
      notice(head ? "The connection ended before the answer did." : `The service did not answer: ${error.message}.`, true);
    }
  } finally {
    clearInterval(waits);
  }
}

function clearAnswer() {
  $("answer").hidden = false;
  $("body").replaceChildren();
  $("status").replaceChildren();
  $("progress").textContent = "";
  $("notice").hidden = true;
  $("notice").replaceChildren();
  $("headers-box").hidden = true;
  $("download").hidden = true;
  if (address) URL.revokeObjectURL(address);
  address = "";
  forgetMedia();
  $("answer").scrollIntoView({ block: "nearest" });
}

function describeStatus(answer) {
  if (answer.type === "opaqueredirect") return make("span", "a redirect, which is not followed", "code");
  const name = answer.status < 400 ? "code good" : "code bad";
  return make("span", `${answer.status} ${answer.statusText || REASONS[answer.status] || ""}`.trim(), name);
}

function showHeaders(answer) {
  const list = $("headers");
  list.replaceChildren();
  for (const [name, value] of answer.headers) list.append(make("dt", name), make("dd", value));
  $("headers-box").hidden = !list.children.length;
  const again = answer.headers.get("retry-after");
  if (again && answer.status >= 400) notice(`Try again ${/^\d+$/.test(again) ? `in ${count(Number(again), "second")}` : `at ${again}`}.`);
}

function notice(text, bad) {
  $("notice").append(make("p", text));
  $("notice").classList.toggle("bad", Boolean(bad));
  $("notice").hidden = false;
}

// a download is never HTML or SVG to the browser, so that it opens neither in the origin of this page
function offerDownload(answer, whole, got) {
  if (!got) return;
  if (!whole) return notice(`The answer has ${size(got)}, too many to hold in a page: use the lines below.`);
  address = URL.createObjectURL(new Blob([whole], { type: "application/octet-stream" }));
  const given = /filename\*?=(?:UTF-8'')?"?([^";]+)/i.exec(answer.headers.get("content-disposition") || "");
  $("download").href = address;
  $("download").download = given ? given[1].split(/[\\/]/).pop() : `answer.${suffix(answer)}`;
  $("download").textContent = `Download (${size(got)})`;
  $("download").hidden = false;
}

function suffix(answer) {
  const media = mediaOf(answer);
  const known = { "text/plain": "txt", "application/octet-stream": "bin", "application/x-ndjson": "jsonl",
    "text/event-stream": "txt", "image/svg+xml": "svg", "image/jpeg": "jpg", "application/vnd.apache.parquet": "parquet" };
  return known[media] || (/json$/.test(media) ? "json" : media.split("/")[1]?.replace(/^x-|[^\w]/g, "") || "bin");
}

// ---- state and figures

async function look() {
  try {
    const answer = await fetch("ready", { cache: "no-store" });
    const content = await answer.json();
    const state = String(content.status ?? content.detail ?? answer.status);
    $("state").textContent = content.reason ? `${state}: ${content.reason}` : state;
    $("state").parentElement.dataset.state = answer.ok ? "ready" : "wait";
  } catch {
    $("state").textContent = "not reachable";
    $("state").parentElement.dataset.state = "bad";
    return;
  }
  try {
    const answer = await fetch("metrics", { cache: "no-store" });
    if (answer.ok) showFigures(await answer.text());
  } catch { /* the figures stay as they were */ }
}

function showFigures(text) {
  const sum = (name, fits = () => true) => {
    let total = 0;
    for (const [, labels, value] of text.matchAll(new RegExp(`^ovenbird_${name}(\\{[^\\n]*\\})? (\\S+)$`, "gm"))) {
      if (fits(labels || "")) total += Number(value);
    }
    return total;
  };
  const calls = sum("calls_total");
  const timed = sum("call_duration_seconds_count");
  const figures = {
    calls: calls.toLocaleString("en"),
    failed: sum("calls_total", (labels) => /status="[45]/.test(labels)).toLocaleString("en"),
    running: sum("in_flight").toLocaleString("en"),
    waiting: sum("queued").toLocaleString("en"),
    mean: timed ? time(1000 * sum("call_duration_seconds_sum") / timed) : "\u2013",
    memory: size(sum("worker_resident_memory_bytes")),
  };
  for (const [name, value] of Object.entries(figures)) $("figures").querySelector(`[data-figure=${name}]`).textContent = value;
  $("figures").hidden = false;
}

// ---- begin

form.addEventListener("submit", (event) => { event.preventDefault(); if (!running) send(); });
form.addEventListener("reset", clearErrors);
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
$("cancel").addEventListener("click", () => running && running.abort());
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const label = button.firstChild;
    try {
      await navigator.clipboard.writeText($(button.dataset.copy).textContent);
      label.textContent = "Copied";
    } catch {  // only pages of https and of this machine may write to it
      getSelection().selectAllChildren($(button.dataset.copy));
      label.textContent = "Selected";
    }
    setTimeout(() => { label.textContent = "Copy"; }, 2000);
  });
}
setInterval(() => { if (!document.hidden && !running) look(); }, PAUSE);
look();
