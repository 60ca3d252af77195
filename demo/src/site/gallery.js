/** Some of the shop's products, as the phone's API lists them. */

const gallery = document.getElementById('gallery');

try {
  const answer = await fetch('/api/v1/products?limit=12');
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const { items } = await answer.json();
  gallery.replaceChildren(...items.map(card));
} catch (error) {
  const note = document.createElement('li');
  note.className = 'note';
  note.textContent = `The products can't be shown at the moment (${error.message}).`;
  gallery.replaceChildren(note);
}

function card({ id, name, price, imageUrl, rating }) {
  const button = document.createElement('button');
  button.type = 'button';
  const image = Object.assign(document.createElement('img'), {
    src: imageUrl,
    alt: '',
    loading: 'lazy',
    width: 200,
    height: 200,
  });
  button.append(
    image,
    line('name', name),
    line('price', [money(price), stars(rating)].filter(Boolean).join(' · ')),
  );
  button.addEventListener('click', () =>
    document.dispatchEvent(new CustomEvent('show-product', { detail: id })),
  );
  const item = document.createElement('li');
  item.append(button);
  return item;
}

function line(className, text) {
  return Object.assign(document.createElement('span'), { className, textContent: text });
}

/** `amount` is in minor units. */
function money({ amount, currency }) {
  return new Intl.NumberFormat('en-IE', { style: 'currency', currency }).format(amount / 100);
}

function stars(rating) {
  return rating === null || rating.count === 0 ? '' : `★ ${rating.average.toFixed(1)}`;
}
