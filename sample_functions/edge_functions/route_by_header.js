// viewer-request: requests with X-Beta go to the origin `beta` of the distribution.
import cf from 'cloudfront';

function handler(event) {
  if (event.request.headers['x-beta']) cf.selectRequestOriginById('beta');
  return event.request;
}
