// A context that several runs share: none of them may leave something behind in a built-in.
(function () {
  "use strict";
  const freeze = Object.freeze, define = Object.defineProperty, names = Object.getOwnPropertyNames;
  const prototypeOf = Object.getPrototypeOf, RealSet = Set, RealError = Error, RealTypeError = TypeError;

  function lock(others) {
    const seen = new RealSet(), open = [globalThis, ...others];
    while (open.length) {
      const object = open.pop();
      if (object === null || (typeof object !== "object" && typeof object !== "function") || seen.has(object)) continue;
      seen.add(object);
      for (const name of [...names(object), ...Object.getOwnPropertySymbols(object)]) {
        const has = Object.getOwnPropertyDescriptor(object, name);
        open.push(has.value, has.get, has.set);
        if (has.configurable && "value" in has && MAY_HIDE.includes(name) && typeof name === "string" && isPrototype(object))
          hideable(object, name, has.value);
      }
      open.push(prototypeOf(object));
    }
    for (const object of seen) freeze(object);
  }
  const MAY_HIDE = ["toString", "valueOf", "constructor", "name", "message", "hasOwnProperty", "toJSON", "length", "stack"];
  const isPrototype = (object) => object === Object.prototype || object instanceof RealError || object === RealError.prototype;
  function hideable(object, name, value) {
    // Freezing would keep objects from having a member of this name of their own.
    define(object, name, {
      get() { return value; },
      set(given) {
        if (this === object) throw new RealTypeError("read-only: " + name);
        define(this, name, { value: given, writable: true, enumerable: true, configurable: true });
      },
      enumerable: false, configurable: false,
    });
  }

  return lock;
})
