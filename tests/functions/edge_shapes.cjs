// What a function in Node.js may return: a row for each shape, picked by the header `x-row`.
'use strict';

const text = (value) => ({ ...value });
const withHeader = (part, value) => ({ ...part, headers: { ...part.headers, 'x-a': value } });

const rows = {
  // Shapes of the result
  undefined: () => undefined,
  null: () => null,
  text: () => 'x',
  number: () => 7,
  nan: () => NaN,
  list: () => [],
  true: () => true,
  function: () => () => 1,
  date: () => new Date(0),
  event: (part, event) => event,
  statusCode: () => ({ statusCode: 200, body: { a: 1 } }),
  // Headers
  'headers null': (part) => ({ ...part, headers: null }),
  'headers list': (part) => ({ ...part, headers: [] }),
  'headers map': (part) => ({ ...part, headers: new Map(Object.entries(part.headers)) }),
  'header text': (part) => withHeader(part, '1'),
  'header object': (part) => withHeader(part, { key: 'X-A', value: '1' }),
  'header texts': (part) => withHeader(part, ['1']),
  'value number': (part) => withHeader(part, [{ key: 'X-A', value: 1 }]),
  'value undefined': (part) => withHeader(part, [{ key: 'X-A', value: undefined }]),
  'value list': (part) => withHeader(part, [{ key: 'X-A', value: ['a', 'b'] }]),
  'header undefined': (part) => withHeader(part, undefined),
  'header added': (part) => withHeader(part, [{ key: 'X-A', value: '1' }]),
  // Responses
  'status number': () => ({ status: 200, body: 'made' }),
  'status nan': () => ({ status: NaN }),
  'status undefined': (part) => ({ ...part, status: undefined }),
  'body null': () => ({ status: '200', body: null }),
  'body undefined': () => ({ status: '200', body: undefined }),
  'body buffer': () => ({ status: '200', body: Buffer.from('x') }),
  'body object': () => ({ status: '200', body: { a: 1 } }),
  'lone surrogate': () => ({ status: '200', body: '\ud800' }),
  // No result at all
  throw: () => {
    throw new TypeError('on purpose');
  },
  reject: () => Promise.reject(new Error('on purpose')),
  'throw text': () => {
    throw 'on purpose';
  },
  circular: () => {
    const value = { status: '200' };
    value.self = value;
    return value;
  },
  bigint: () => ({ status: 10n }),
  exit: () => process.exit(1),
  promise: () => Promise.resolve({ status: '200', body: 'made' }),
};

const asked = (event) => {
  const { config, request, response } = event.Records[0].cf;
  const [trigger, ...name] = request.headers['x-row'][0].value.split(' ');
  const part = response ?? request;
  return trigger === config.eventType ? [rows[name.join(' ')], part] : [() => part, part];
};

exports.handler = async (event) => {
  const [make, part] = asked(event);
  return make(text(part), event);
};

// Not async and no callback: what it returns is lost.
exports.forgot = (event) => {
  const [make, part] = asked(event);
  return make(text(part), event);
};

exports.calls = (event, context, callback) => {
  const [make, part] = asked(event);
  try {
    callback(null, make(text(part), event));
  } catch (error) {
    callback(error);
  }
};
