// What a page does better with a script; it does everything without one too.
(function () {
  'use strict';
  function each(query, act) {
    Array.prototype.forEach.call(document.querySelectorAll(query), act);
  }

  // Times in the reader's own zone.
  each('time:not([data-when])', function (time) {
    var at = new Date(time.dateTime);
    time.title = time.textContent;
    time.textContent = at.toLocaleTimeString(document.documentElement.lang, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  });

  // A password can be looked at while it is typed. It leaves as a password, or browsers would remember it as a text.
  each('input[data-show]', function (input) {
    var button = document.createElement('button'), box = document.createElement('span');
    function show(shown) {
      input.type = shown ? 'text' : 'password';
      button.textContent = input.getAttribute(shown ? 'data-hide' : 'data-show');
    }
    button.type = 'button';
    button.className = 'reveal';
    button.setAttribute('aria-controls', input.id);
    box.className = 'revealed';
    input.parentNode.insertBefore(box, input);
    box.appendChild(input);
    box.appendChild(button);
    show(false);
    button.addEventListener('click', function () { show(input.type === 'password'); });
    input.form.addEventListener('submit', function () { show(false); });
    if (input.autofocus) {
      input.focus();
    }
  });

  // What must wait counts down, and works once its time has come.
  each('[data-left]', function (count) {
    var button = document.querySelector('button[disabled]'), end = Date.now() + 1000 * count.getAttribute('data-left');
    var timer = setInterval(function () {
      var left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
      count.textContent = Math.floor(left / 60) + ':' + ('0' + left % 60).slice(-2);
      if (left === 0) {
        clearInterval(timer);
        button.disabled = false;
      }
    }, 250);
  });
})();
