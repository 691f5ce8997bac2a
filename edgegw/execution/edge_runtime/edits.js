// What a handler made of the request or response that it was shown, where that is little.
//
//   edits(frame, values, value, shown, seen, proto)   lines, a line feed before each; null where
//                                                     `value` is to be said as a whole
//
//   +name         a header that is new, or has another value, which is the next line
//   -name         a header that is gone
//   uri           the next line is the path
//   headers, cookies, querystring   the next line is JSON: the headers that are new or others, and
//                                   the others as a whole
//
// Each name has one value in a section that has `names`; so it is compared with the text it had.
// What was not `seen` of the value that was `shown` is as it was.
// Anything unusual is left to JSON: another prototype, other fields, an entry that says more.
(function () {
  "use strict";
  const keys = Object.keys, prototypeOf = Object.getPrototypeOf, stringify = JSON.stringify;
  const apply = Reflect.apply, indexOf = String.prototype.indexOf;
  const isWellFormed = String.prototype.isWellFormed, none = [];
  const plain = Object.prototype, LINE = ["\n"], NUL = ["\0"], MANY = 300;

  const isPlain = (value) => value !== null && typeof value === "object" && prototypeOf(value) === plain;
  const isLine = (text) => typeof text === "string" && apply(indexOf, text, LINE) === -1;

  function isKnown(value, fields, proto) {
    if (value === null || typeof value !== "object") return false;
    const own = prototypeOf(value), present = keys(value), count = fields.length;
    if ((own !== plain && own !== proto) || present.length !== count) return false;
    for (let at = 0; at < count; at++) if (present[at] !== fields[at]) return false;
    return true;
  }
  function isSame(section, names, values, first) {
    if (names === null || !isPlain(section)) return false;
    const present = keys(section), count = names.length;
    if (present.length !== count) return false;
    for (let at = 0; at < count; at++) {
      const name = names[at], entry = section[name];
      if (present[at] !== name || entry === null || typeof entry !== "object" ||
        entry.value !== values[first + at] || entry.multiValue !== undefined) return false;
    }
    return true;
  }
  function line(name, section) {
    const text = stringify(section);
    return text === undefined ? null : "\n" + name + "\n" + text;
  }
  function ofHeaders(headers, frame, values, asJson) {
    const names = frame.headers, first = frame.headersAt;
    if (names === null || !isPlain(headers)) return null;
    const present = keys(headers), count = present.length, known = names.length;
    if (count > MANY) return null;
    let next = 0, lines = "", json = "";
    for (let at = 0; at < count; at++) {
      const name = present[at], entry = headers[name];
      let place = next;
      if (name !== names[next]) while (place < known && names[place] !== name) place++;
      if (place < known) {
        for (; next < place; next++) lines += "\n-" + names[next];
        next++;
        if (entry !== null && typeof entry === "object" && entry.value === values[first + place] &&
          entry.multiValue === undefined) continue;
      }
      if (asJson) {
        const text = stringify(entry);
        if (text !== undefined) json += (json === "" ? "" : ",") + stringify(name) + ":" + text;
        else if (place < known) lines += "\n-" + name;
      } else if (isPlain(entry) && isLine(entry.value) && keys(entry).length === 1 && isLine(name))
        lines += "\n+" + name + "\n" + entry.value;
      else return typeof headers.toJSON === "function" ? null : ofHeaders(headers, frame, values, true);
    }
    for (; next < known; next++) lines += "\n-" + names[next];
    return json === "" ? lines : lines + "\nheaders\n{" + json + "}";
  }
  function ofLine(value, values) {
    if (value.method !== values[2] || !isLine(value.uri)) return null;
    return value.uri === values[3] ? "" : "\nuri\n" + value.uri;
  }

  return function edits(frame, values, value, shown, seen, proto) {
    if (!isKnown(value, frame.fields, proto)) return null;
    let start = "", query = "", cookies = "";
    if (frame.status === undefined) {
      start = ofLine(value, values);
      if ((seen.query !== seen.none || value !== shown) &&
        !isSame(value.querystring, frame.query, values, frame.queryAt))
        query = line("querystring", value.querystring);
    } else if (value.statusCode !== frame.status || value.statusDescription !== frame.reason) return null;
    if ((frame.status !== undefined || seen.cookies !== seen.none || value !== shown) &&
      !isSame(value.cookies, frame.cookies, values, frame.cookiesAt))
      cookies = line("cookies", value.cookies);
    const headers = ofHeaders(value.headers, frame, values, false);
    if (start === null || query === null || cookies === null || headers === null) return null;
    const lines = start + query + headers + cookies;
    if (lines === "") return lines;
    return apply(indexOf, lines, NUL) === -1 && apply(isWellFormed, lines, none) ? lines : null;
  };
})()
