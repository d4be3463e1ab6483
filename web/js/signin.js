// The page to sign in. Who has done so is sent on to the dashboard, with the part of the address that says what it is to show.

import $ from '../vendor/jquery.js';
import { t, lang, setLang, onLang, translate, addTexts, LANGUAGES } from './i18n.js';
import { startTheme, toggleTheme } from './theme.js';
import { loadIcons } from './icons.js';
import { session, signIn } from './api.js';
import en from './i18n/signin.en.js';
import ko from './i18n/signin.ko.js';

addTexts({ en, ko });
startTheme();
show();
loadIcons().catch((err) => console.warn(`icons: ${err.message}`));

const goOn = () => location.replace(`./${location.hash}`);

$('#lang-toggle').on('click', () => setLang(LANGUAGES.find((tag) => tag !== lang())));
$('#theme-toggle').on('click', toggleTheme);
$('#plain').prop('hidden', isSecureContext);
$('#signin').on('submit', submit);
onLang(show);
if (document.activeElement === document.body) $('#user').trigger('focus'); // else somebody types already

// A link from elsewhere comes without the cookie, which is for this site's own requests: this one has it.
session().then(goOn, () => {});

function show() {
  $('html').attr('lang', lang());
  document.title = `${t('signin.title')} · mwm`;
  translate($(document.body));
}

async function submit(e) {
  e.preventDefault();
  const user = $('#user').val();
  const password = $('#password').val();
  if (!user || !password) {
    refuse(t('signin.empty'), user ? '#password' : '#user');
    return;
  }
  $('#submit').prop('disabled', true).text(t('signin.busy'));
  try {
    await signIn(user, password);
    goOn();
  } catch (err) {
    $('#submit').prop('disabled', false).text(t('signin.submit'));
    refuse(reason(err), '#password');
  }
}

function reason({ status, retryAfter }) {
  switch (status) {
    case 401: return t('signin.wrong');
    case 403: return t('signin.isDevice');
    case 429: return t('signin.later', { n: retryAfter || 5 });
    default: return t('signin.failed');
  }
}

function refuse(text, field) {
  $('#error').text(text);
  $('#user, #password').attr('aria-invalid', 'false');
  $(field).attr('aria-invalid', 'true').trigger('focus').trigger('select');
}
