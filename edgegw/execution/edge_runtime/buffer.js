// The module buffer: Node's Buffer, with the encodings that CloudFront has.
(function (tools) {
  "use strict";
  const meter = tools.meter, RealTypeError = TypeError, RealRangeError = RangeError, isArray = Array.isArray;
  const define = Object.defineProperty, min = Math.min, max = Math.max, floor = Math.floor, pow = Math.pow, isInteger = Number.isInteger;

  function outOfRange(what) { return new RealRangeError('The value of "' + what + '" is out of range.'); }
  function encoding(name) {
    if (name === undefined || name === null) return "utf8";
    const known = tools.encodingOf(name);
    if (!known) throw new RealTypeError("Unknown encoding: " + name);
    return known;
  }
  class Buffer extends Uint8Array {
    static from(given, second, length) {
      if (typeof given === "string") return over(tools.bytes(given, encoding(second)));
      if (given instanceof ArrayBuffer) {
        const offset = second === undefined ? 0 : +second || 0;
        if (offset > given.byteLength) throw new RealRangeError('"offset" is outside of buffer bounds');
        if (length !== undefined && offset + length > given.byteLength) throw new RealRangeError('"length" is outside of buffer bounds');
        return new Buffer(given, offset, length === undefined ? given.byteLength - offset : max(0, length));
      }
      if (given !== null && typeof given === "object") {
        const primitive = typeof given.valueOf === "function" ? given.valueOf() : given;
        if (primitive !== given && (typeof primitive === "string" || typeof primitive === "object") && primitive !== null)
          return Buffer.from(primitive, second, length);
        if (given.type === "Buffer" && isArray(given.data)) return copied(given.data);
        if (typeof given.length === "number") return copied(given);
      }
      throw new RealTypeError("The first argument must be of type string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object");
    }
    static alloc(size, fill, name) {
      if (typeof size !== "number") throw new RealTypeError('The "size" argument must be of type number');
      if (!(size >= 0)) throw outOfRange("size");
      const made = new Buffer(floor(size));
      return fill === undefined || fill === 0 ? made : made.fill(fill, name);
    }
    static allocUnsafe(size) { return Buffer.alloc(size); }
    static byteLength(given, name) {
      if (typeof given === "string") return tools.bytes(given, encoding(name)).length;
      if (given && typeof given.byteLength === "number") return given.byteLength;
      throw new RealTypeError('The "string" argument must be of type string or an instance of Buffer or ArrayBuffer');
    }
    static compare(a, b) {
      if (!(a instanceof Uint8Array) || !(b instanceof Uint8Array)) throw new RealTypeError("both arguments must be an instance of Buffer or Uint8Array");
      const length = min(a.length, b.length);
      meter(length >> 3);
      for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
      return a.length === b.length ? 0 : a.length < b.length ? -1 : 1;
    }
    static concat(list, total) {
      if (!isArray(list)) throw new RealTypeError('The "list" argument must be an instance of Array');
      let length = 0;
      for (let i = 0; i < list.length; i++) {
        if (!(list[i] instanceof Uint8Array)) throw new RealTypeError('"list[' + i + ']" must be an instance of Buffer or Uint8Array');
        length += list[i].length;
      }
      const made = Buffer.alloc(total === undefined ? length : total);
      let at = 0;
      for (let i = 0; i < list.length && at < made.length; i++) {
        const part = list[i].length > made.length - at ? list[i].subarray(0, made.length - at) : list[i];
        made.set(part, at);
        at += part.length;
      }
      return made;
    }
    static isBuffer(given) { return given instanceof Buffer; }
    static isEncoding(name) { return typeof name === "string" && tools.encodingOf(name) !== "" && name !== ""; }

    toString(name, start, end) {
      const from = start === undefined ? 0 : max(0, min(this.length, floor(+start) || 0));
      const to = end === undefined ? this.length : max(0, min(this.length, floor(+end) || 0));
      return to <= from ? (encoding(name), "") : tools.text(bare(this, from, to), encoding(name));
    }
    toJSON() { return { type: "Buffer", data: Array.from(bare(this, 0, this.length)) }; }
    equals(other) {
      if (!(other instanceof Uint8Array)) throw new RealTypeError('The "otherBuffer" argument must be an instance of Buffer or Uint8Array');
      return Buffer.compare(this, other) === 0;
    }
    compare(target, targetStart, targetEnd, start, end) {
      if (!(target instanceof Uint8Array)) throw new RealTypeError('The "target" argument must be an instance of Buffer or Uint8Array');
      return Buffer.compare(part(this, start, end), part(target, targetStart, targetEnd));
    }
    copy(target, targetStart, start, end) {
      const at = targetStart === undefined ? 0 : floor(targetStart), from = start === undefined ? 0 : floor(start);
      if (at < 0) throw outOfRange("targetStart");
      if (from < 0 || from > this.length) throw outOfRange("sourceStart");
      const to = end === undefined ? this.length : min(this.length, floor(end));
      if (at >= target.length || from >= to) return 0;
      const length = min(to - from, target.length - at);
      target.set(bare(this, from, from + length), at);
      return length;
    }
    fill(given, start, end, name) {
      if (typeof start === "string") { name = start; start = undefined; end = undefined; }
      else if (typeof end === "string") { name = end; end = undefined; }
      const from = start === undefined ? 0 : start, to = end === undefined ? this.length : end;
      if (from < 0 || (from > this.length && end !== undefined)) throw outOfRange("offset");
      if (to < 0 || to > this.length) throw outOfRange("end");
      const bytes = typeof given === "string" ? tools.bytes(given, encoding(name)) : given instanceof Uint8Array ? given : [given & 255];
      meter(this.length >> 4);
      if (!bytes.length) {
        if (typeof given === "string" && given.length) throw new RealTypeError("The argument 'value' is invalid.");
        for (let i = from; i < to; i++) this[i] = 0;
        return this;
      }
      for (let i = from; i < to; i++) this[i] = bytes[(i - from) % bytes.length];
      return this;
    }
    indexOf(given, from, name) { return sought(this, given, from, name, false); }
    lastIndexOf(given, from, name) { return sought(this, given, from, name, true); }
    includes(given, from, name) { return sought(this, given, from, name, false) !== -1; }
    subarray(start, end) { return part(this, start, end, true); }
    slice(start, end) { return part(this, start, end, true); }
    write(text, offset, length, name) {
      if (typeof text !== "string") throw new RealTypeError('The "string" argument must be of type string');
      if (typeof offset === "string") { name = offset; offset = undefined; length = undefined; }
      else if (typeof length === "string") { name = length; length = undefined; }
      const at = offset === undefined ? 0 : offset;
      if (at < 0 || at > this.length) throw outOfRange("offset");
      const kind = encoding(name), bytes = tools.bytes(text, kind);
      let room = min(this.length - at, length === undefined ? Infinity : length, bytes.length);
      if (kind === "utf8") while (room > 0 && room < bytes.length && (bytes[room] & 192) === 128) room--;
      this.set(bytes.subarray(0, room), at);
      return room;
    }
    swap16() { return swapped(this, 2); }
    swap32() { return swapped(this, 4); }
    swap64() { return swapped(this, 8); }
  }
  function over(bytes) { return new Buffer(bytes.buffer, bytes.byteOffset, bytes.length); }
  function bare(buffer, from, to) { return new Uint8Array(buffer.buffer, buffer.byteOffset + from, max(0, to - from)); }
  function copied(list) {
    const made = new Buffer(list.length);
    meter(list.length >> 3);
    tools.light(list);
    for (let i = 0; i < made.length; i++) made[i] = list[i];
    return made;
  }
  function part(buffer, start, end) {
    const length = buffer.length, clip = (given, otherwise) => {
      if (given === undefined) return otherwise;
      const whole = given < 0 ? Math.ceil(+given) : floor(+given) || 0;
      return whole < 0 ? max(0, length + whole) : min(whole, length);
    };
    const from = clip(start, 0), to = clip(end, length);
    return new Buffer(buffer.buffer, buffer.byteOffset + from, max(0, to - from));
  }
  function sought(buffer, given, from, name, isLast) {
    if (typeof from === "string") { name = from; from = undefined; }
    let bytes;
    if (typeof given === "string") bytes = tools.bytes(given, encoding(name));
    else if (typeof given === "number") bytes = [given & 255];
    else if (given instanceof Uint8Array) bytes = given;
    else throw new RealTypeError('The "value" argument must be one of type number or string or an instance of Buffer or Uint8Array.');
    let at = from === undefined ? (isLast ? buffer.length : 0) : +from;
    if (at !== at) at = isLast ? buffer.length : 0;
    at = at < 0 ? Math.ceil(at) : floor(at);
    if (at < 0) at += buffer.length;
    if (at < 0) { if (isLast) return -1; at = 0; }
    if (!bytes.length) return isLast ? min(at, buffer.length) : min(at, buffer.length);
    const last = buffer.length - bytes.length;
    if (isLast && at > last) at = last;
    const step = isLast ? -1 : 1;
    for (; at >= 0 && at <= last; at += step) {
      let same = 0;
      while (same < bytes.length && buffer[at + same] === bytes[same]) same++;
      meter(1 + (same >> 2));
      if (same === bytes.length) return at;
    }
    return -1;
  }
  function swapped(buffer, size) {
    if (buffer.length % size) throw new RealRangeError("Buffer size must be a multiple of " + size * 8 + "-bits");
    for (let at = 0; at < buffer.length; at += size)
      for (let i = 0; i < size / 2; i++) {
        const kept = buffer[at + i];
        buffer[at + i] = buffer[at + size - 1 - i];
        buffer[at + size - 1 - i] = kept;
      }
    return buffer;
  }

  // read… and write…: one of each for every kind of number
  function place(buffer, offset, size) {
    if (offset === undefined) offset = 0;
    if (typeof offset !== "number") throw new RealTypeError('The "offset" argument must be of type number');
    if (!isInteger(offset) || offset < 0 || offset + size > buffer.length)
      throw buffer.length < size ? new RealRangeError("Attempt to access memory outside buffer bounds") : outOfRange("offset");
    return offset;
  }
  function readUInt(buffer, offset, size, isLittle) {
    let number = 0;
    for (let i = 0; i < size; i++) number = number * 256 + buffer[isLittle ? offset + size - 1 - i : offset + i];
    return number;
  }
  function writeUInt(buffer, number, offset, size, isLittle) {
    for (let i = 0; i < size; i++) {
      buffer[isLittle ? offset + i : offset + size - 1 - i] = number % 256;
      number = floor(number / 256);
    }
    return offset + size;
  }
  function signed(number, size) { return number >= pow(2, 8 * size - 1) ? number - pow(2, 8 * size) : number; }
  function checked(number, size, isSigned) {
    number = +number;
    const least = isSigned ? -pow(2, 8 * size - 1) : 0, most = pow(2, 8 * size - (isSigned ? 1 : 0)) - 1;
    if (number < least || number > most) throw outOfRange("value");
    number = number !== number ? 0 : number < 0 ? Math.ceil(number) : floor(number);
    return number < 0 ? number + pow(2, 8 * size) : number;
  }
  function sizeOf(size) {
    if (typeof size !== "number") throw new RealTypeError('The "byteLength" argument must be of type number');
    if (!isInteger(size) || size < 1 || size > 6) throw outOfRange("byteLength");
    return size;
  }
  function add(name, method) {
    define(Buffer.prototype, name, { value: method, writable: true, configurable: true });
    if (name.includes("UInt")) define(Buffer.prototype, name.replace("UInt", "Uint"), { value: method, writable: true, configurable: true });
  }
  for (const isSigned of [false, true]) {
    const kind = isSigned ? "Int" : "UInt";
    const read = (number, size) => isSigned ? signed(number, size) : number;
    add("read" + kind + "8", function (offset) { return read(readUInt(this, place(this, offset, 1), 1, false), 1); });
    add("write" + kind + "8", function (value, offset) { const at = place(this, offset, 1); return writeUInt(this, checked(value, 1, isSigned), at, 1, false); });
    for (const isLittle of [false, true]) {
      const order = isLittle ? "LE" : "BE";
      for (const bits of [16, 32]) {
        const size = bits / 8;
        add("read" + kind + bits + order, function (offset) { return read(readUInt(this, place(this, offset, size), size, isLittle), size); });
        add("write" + kind + bits + order, function (value, offset) {
          const whole = checked(value, size, isSigned);
          return writeUInt(this, whole, place(this, offset, size), size, isLittle);
        });
      }
      add("read" + kind + order, function (offset, length) { const size = sizeOf(length); return read(readUInt(this, place(this, offset, size), size, isLittle), size); });
      add("write" + kind + order, function (value, offset, length) {
        const size = sizeOf(length), whole = checked(value, size, isSigned);
        return writeUInt(this, whole, place(this, offset, size), size, isLittle);
      });
    }
  }
  for (const isLittle of [false, true])
    for (const [name, size] of [["Float", 4], ["Double", 8]]) {
      const order = isLittle ? "LE" : "BE", get = DataView.prototype["getFloat" + size * 8], set = DataView.prototype["setFloat" + size * 8];
      add("read" + name + order, function (offset) {
        const at = place(this, offset, size);
        return get.call(new DataView(this.buffer, this.byteOffset, this.length), at, isLittle);
      });
      add("write" + name + order, function (value, offset) {
        const at = place(this, offset, size);
        set.call(new DataView(this.buffer, this.byteOffset, this.length), at, +value, isLittle);
        return at + size;
      });
    }
  Buffer.Buffer = Buffer;
  return Buffer;
})
