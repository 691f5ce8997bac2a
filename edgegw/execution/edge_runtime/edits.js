// What a handler made of the request or response that it was shown, where that is little.
//
//   edits(frame, values, value, shown, seen, proto, unseen, deletes)
//
// Answers lines, a line feed before each, and their number in `seen.count`; null where `value` is to be
// said as a whole.
//
//   uri           the next line is the path
//   headers, cookies, querystring   the next line is JSON: the headers that are new or others, and
//                                   the others as a whole
//   +name         a header that is new, or has another value, which is the next line
//   -name         a header that is gone
//
// Whoever reads them counts: what has a line feed in itself is told by that. A NUL, which ends a text
// on the way to Python, is told by the end that is not there (`withEdits`).
//
// Each name has one value in a section that has `names`; so it is compared with the text it had.
// What was not `seen` of the value that was `shown` is as it was; where the code `deletes` something, if
// it is still there.
// Anything unusual is left to JSON: another prototype, other fields, an entry that says more.
(function () {
  "use strict";
  const keys = Object.keys, prototypeOf = Object.getPrototypeOf, stringify = JSON.stringify;
  const plain = Object.prototype, MANY = 300;
  let count = 0;

  const isPlain = (value) => value !== null && typeof value === "object" && prototypeOf(value) === plain;

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
      if (present[at] !== name || entry === null || entry === undefined ||
        entry.value !== values[first + at] || entry.multiValue !== undefined || entry.attributes !== undefined) return false;
    }
    return true;
  }
  function line(name, section) {
    const text = stringify(section);
    if (text === undefined) return null;
    count += 2;
    return "\n" + name + "\n" + text;
  }
  function ofHeaders(headers, frame, values, asJson) {
    const names = frame.headers, first = frame.headersAt;
    if (names === null || !isPlain(headers)) return null;
    const present = keys(headers), found = present.length, known = names.length;
    if (found > MANY) return null;
    let next = 0, lines = "", json = "", own = 0;
    for (let at = 0; at < found; at++) {
      const name = present[at], entry = headers[name];
      let place = next;
      if (name !== names[next]) while (place < known && names[place] !== name) place++;
      if (place < known) {
        for (; next < place; next++, own++) lines += "\n-" + names[next];
        next++;
        if (entry !== null && entry !== undefined && entry.value === values[first + place] &&
          entry.multiValue === undefined) continue;
      }
      if (asJson) {
        const text = stringify(entry);
        if (text !== undefined) json += (json === "" ? "" : ",") + stringify(name) + ":" + text;
        else if (place < known) {
          lines += "\n-" + name;
          own++;
        }
      } else if (isPlain(entry) && typeof entry.value === "string" &&
        entry.multiValue === undefined && entry.attributes === undefined) {
        lines += "\n+" + name + "\n" + entry.value;
        own += 2;
      } else return typeof headers.toJSON === "function" ? null : ofHeaders(headers, frame, values, true);
    }
    for (; next < known; next++, own++) lines += "\n-" + names[next];
    count += own;
    if (json === "") return lines;
    count += 2;
    return "\nheaders\n{" + json + "}" + lines;
  }
  function ofUri(uri, before) {
    if (uri === before) return "";
    if (typeof uri !== "string") return null;
    count += 2;
    return "\nuri\n" + uri;
  }

  function isDeleted(value, name, seen, mark, unseen, frame) {
    seen[mark] = frame; // which no function has: only the member that is made when it is asked for says it
    const isThere = value[name] === frame;
    seen[mark] = unseen;
    return !isThere;
  }

  return function edits(frame, values, value, shown, seen, proto, unseen, deletes) {
    if (!isKnown(value, frame.fields, proto)) return null;
    count = 0;
    const isOther = value !== shown;
    if (deletes && seen.query === unseen && isDeleted(value, "querystring", seen, "query", unseen, frame)) return null;
    if (deletes && seen.cookies === unseen && isDeleted(value, "cookies", seen, "cookies", unseen, frame)) return null;
    let start = "", query = "", cookies = "";
    if (frame.status === undefined) {
      if (value.method !== values[2]) return null;
      start = ofUri(value.uri, values[3]);
      if ((isOther || seen.query !== unseen) && !isSame(value.querystring, frame.query, values, frame.queryAt))
        query = line("querystring", value.querystring);
    } else if (value.statusCode !== frame.status || value.statusDescription !== frame.reason) return null;
    if ((isOther || seen.cookies !== unseen) && !isSame(value.cookies, frame.cookies, values, frame.cookiesAt))
      cookies = line("cookies", value.cookies);
    const headers = ofHeaders(value.headers, frame, values, false);
    if (start === null || query === null || cookies === null || headers === null) return null;
    seen.count = count;
    return start + query + cookies + headers;
  };
})()
