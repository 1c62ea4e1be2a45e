// What the console does better with a script; it does everything without one too.
(function () {
  'use strict';
  var told = document.getElementById('told'), lang = document.documentElement.lang, timer, running;

  function each(within, query, act) {
    Array.prototype.forEach.call(within.querySelectorAll(query), act);
  }

  // Dates and times in the reader's own zone.
  function times(within) {
    each(within, 'time[data-when]', function (time) {
      time.title = time.textContent;
      time.textContent = new Date(time.dateTime).toLocaleString(lang, time.dataset.when === 'day' ? { dateStyle: 'medium', timeZone: 'UTC' } : { dateStyle: 'medium', timeStyle: 'short', hourCycle: 'h23' });
    });
  }

  // Shows what another address of this page has in its region, without leaving the page: the keyboard stays where it is.
  function show(url, keep) {
    var region = document.getElementById('results');
    if (running) {
      running.abort();
    }
    running = new AbortController();
    fetch(url, { signal: running.signal, headers: { Accept: 'text/html' } }).then(function (answer) {
      // Signed out, or moved: the page itself knows what to do.
      if (!answer.ok || answer.redirected) {
        location.assign(url);
        return null;
      }
      return answer.text();
    }).then(function (text) {
      var found = text && new DOMParser().parseFromString(text, 'text/html').getElementById('results');
      if (!found) {
        return;
      }
      region.replaceWith(found);
      times(found);
      history[keep ? 'replaceState' : 'pushState'](null, '', url);
      told.textContent = found.getAttribute('data-told') || '';
    }).catch(function (error) {
      if (error.name !== 'AbortError') {
        location.assign(url);
      }
    });
  }

  function address(form) {
    var query = new URLSearchParams(new FormData(form));
    Array.from(query.keys()).forEach(function (name) {
      if (!query.get(name)) {
        query.delete(name);
      }
    });
    return form.action.split('?')[0] + (String(query) && '?' + query);
  }

  // Search while typing.
  each(document, 'form[data-search]', function (form) {
    form.addEventListener('input', function () {
      clearTimeout(timer);
      timer = setTimeout(function () { show(address(form), true); }, 250);
    });
    form.addEventListener('submit', function (event) {
      event.preventDefault();
      clearTimeout(timer);
      show(address(form));
    });
  });

  // Sorting and paging within the region.
  document.addEventListener('click', function (event) {
    var link = event.target.closest && event.target.closest('#results th a, #results .pager a');
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
      event.preventDefault();
      show(link.href);
    }
  });
  addEventListener('popstate', function () {
    if (document.getElementById('results')) {
      location.reload();
    }
  });

  // All boxes of a table at once.
  each(document, 'input[data-all]', function (all) {
    all.parentNode.hidden = false;
    all.addEventListener('change', function () {
      each(document, 'input[name^="' + all.getAttribute('data-all') + '"]', function (one) { one.checked = all.checked; });
    });
  });

  // What is to be carried elsewhere is copied by a button.
  each(document, '[data-copy]', function (source) {
    if (!navigator.clipboard) {
      return;
    }
    var button = document.createElement('button');
    button.type = 'button';
    button.className = 'quiet';
    button.textContent = source.getAttribute('data-copy');
    button.addEventListener('click', function () {
      navigator.clipboard.writeText(source.textContent).then(function () {
        told.textContent = button.textContent = source.getAttribute('data-copied');
      });
    });
    source.parentNode.insertBefore(button, source.nextSibling);
  });

  // A change is sent once, however often its button is pressed: again when the page comes back, when something else is typed, or when nothing
  // has come of it for ten seconds.
  var sent, since;
  function free() {
    sent = null;
  }
  addEventListener('submit', function (event) {
    if (event.defaultPrevented || event.target.getAttribute('method') !== 'post') {
      return;
    }
    if (event.target === sent && event.timeStamp - since < 10000) {
      event.preventDefault();
      return;
    }
    sent = event.target;
    since = event.timeStamp;
  });
  addEventListener('pageshow', free);
  addEventListener('input', free);

  // The browser goes to what is wrong, so that a screen reader begins there.
  var error = document.getElementById('error');
  if (error) {
    error.tabIndex = -1;
    error.focus();
  }
  times(document);
})();
