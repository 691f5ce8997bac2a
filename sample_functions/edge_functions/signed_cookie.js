// viewer-request: the cookie `visit` is NAME.SIGNATURE, and the signature must be ours.
import crypto from 'crypto';

const key = 'a key of at least 32 characters, kept elsewhere';

function handler(event) {
  const request = event.request, cookie = request.cookies.visit;
  const parts = cookie ? cookie.value.split('.') : [];
  const signature = parts.length === 2 ? crypto.createHmac('sha1', key).update(parts[0]).digest('hex') : '';
  if (!signature || signature !== parts[1])
    return { statusCode: 403, statusDescription: 'Forbidden', cookies: { visit: { value: '', attributes: 'Max-Age=0' } } };
  request.headers['x-visitor'] = { value: parts[0] };
  return request;
}
