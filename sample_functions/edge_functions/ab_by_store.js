// viewer-request: a part of the viewers, which a key value store says, gets another version.
// The origin is told by x-bucket, and keeps a viewer there with the cookie bucket.
import cf from 'cloudfront';

const store = cf.kvs();

async function handler(event) {
  const request = event.request;
  const cookie = request.cookies.bucket;
  let share = 0;
  try {
    share = await store.get('share', { format: 'json' });
  } catch (error) {
    console.log('no share: ' + error.message);
  }
  const isNew = cookie ? cookie.value === 'new' : Math.random() < share;
  request.headers['x-bucket'] = { value: isNew ? 'new' : 'old' };
  if (isNew) request.uri = '/new' + request.uri;
  return request;
}
