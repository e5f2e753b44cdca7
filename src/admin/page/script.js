// The script of the admin page, in the browser. When the server says that something is new, the script asks for the same page again and
// replaces the parts that differ. The server renders them: the script must not build any HTML of its own.

'use strict';
(() => {
  const link = document.getElementById('link');
  const LOST = 'The proxy does not answer; this picture is old';
  const say = (text, className) => {
    // Screen readers read it out: it is set only when it changes.
    if (link.textContent === text) return;
    link.textContent = text;
    link.className = 'link ' + className;
  };

  const isBusy = (part) => {
    const selection = document.getSelection();
    return selection !== null && !selection.isCollapsed && part.contains(selection.anchorNode);
  };

  const takeOver = (fresh) => {
    const focused = document.activeElement;
    const opened = [...document.querySelectorAll('details[open]')].map((one) => one.id);
    for (const part of document.querySelectorAll('[data-part]')) {
      const next = fresh.querySelector('[data-part="' + part.dataset.part + '"]');
      if (next === null || isBusy(part)) continue;
      for (const id of opened) {
        const same = [...next.querySelectorAll('details')].find((one) => one.id === id);
        if (same !== undefined) same.open = true;
      }
      if (part.outerHTML === next.outerHTML) continue;
      const held = part.contains(focused) ? focused.id : '';
      part.replaceWith(document.adoptNode(next));
      if (held !== '') document.getElementById(held)?.focus({ preventScroll: true });
    }
    document.title = fresh.title;
  };

  let asking = false;
  let again = false;
  const refresh = async () => {
    if (document.hidden) return;
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    try {
      const response = await fetch(location.href, { signal: AbortSignal.timeout(15000) });
      if (!response.ok) throw new Error(String(response.status));
      takeOver(new DOMParser().parseFromString(await response.text(), 'text/html'));
      say('Live', 'live');
    } catch {
      say(LOST, 'lost');
    }
    asking = false;
    if (again) {
      again = false;
      void refresh();
    }
  };

  const listen = () => {
    const events = new EventSource('/events');
    events.addEventListener('open', () => say('Live', 'live'));
    events.addEventListener('message', refresh);
    events.addEventListener('error', () => {
      say(LOST, 'lost');
      // The browser connects again, but not after a response that is no stream: too many pages listen.
      if (events.readyState !== EventSource.CLOSED) return;
      void refresh();
      setTimeout(listen, 30000);
    });
  };
  document.addEventListener('visibilitychange', refresh);
  listen();
})();
