// viewer-request: only who has a token signed with the shared key (HS256) and not expired gets in.
var crypto = require('crypto');
var key = 'LzdWGpAToQ1DqYuzHxE6YOqi7G3X2yvNBot9mCXfx5k';

function read(part) {
  return JSON.parse(Buffer.from(part, 'base64url').toString());
}

function isValid(token) {
  var parts = token.split('.');
  if (parts.length !== 3 || read(parts[0]).alg !== 'HS256') return false;
  var signed = crypto.createHmac('sha256', key).update(parts[0] + '.' + parts[1]).digest('base64url');
  if (signed.length !== parts[2].length) return false;
  var differs = 0;
  for (var i = 0; i < signed.length; i++) differs |= signed.charCodeAt(i) ^ parts[2].charCodeAt(i);
  return differs === 0 && read(parts[1]).exp > Date.now() / 1000;
}

function handler(event) {
  var request = event.request, token = request.querystring.jwt;
  try {
    if (token && isValid(token.value)) {
      delete request.querystring.jwt;
      return request;
    }
  } catch (error) {
    console.log('no token: ' + error.message);
  }
  return { statusCode: 401, statusDescription: 'Unauthorized' };
}
