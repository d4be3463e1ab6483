// Who has signed in, if the server has accounts: the button to sign out, and what a viewer cannot do is not offered.

import $ from '../../vendor/jquery.js';
import { t, onLang } from '../i18n.js';
import { session, signOut } from '../api.js';

const leave = () => location.replace(`signin${location.hash}`);

export async function startAccount(feed) {
  // A feed that was thrown out cannot say why: a session that has ended looks like a server that is gone.
  feed.addEventListener('state', async () => {
    if (feed.state === 'waiting' && await session().then(() => false, (err) => err.status === 401)) leave();
  });
  const { user, role, accounts } = await session();
  if (!accounts) return;
  document.documentElement.dataset.role = role;
  const $button = $('#sign-out').prop('hidden', false).on('click', async () => {
    await signOut();
    leave();
  });
  const label = () => $button.attr({ 'aria-label': t('account.signOut', { user }), title: t('account.signOut', { user }) });
  label();
  onLang(label);
}
