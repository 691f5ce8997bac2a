// viewer-request: everybody but us sees that the site is closed.
var ours = ['192.0.2.10'];

function handler(event) {
  if (ours.indexOf(event.viewer.ip) >= 0) return event.request;
  return {
    statusCode: 503,
    statusDescription: 'Service Unavailable',
    headers: { 'content-type': { value: 'text/html' }, 'retry-after': { value: '600' } },
    body: { encoding: 'text', data: '<h1>Back in ten minutes</h1>' },
  };
}
