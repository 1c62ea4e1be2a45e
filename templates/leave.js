// On to the app, once its pages and those of the others have loaded in their frames, and in any case after five seconds.
(function () {
  var next = document.querySelector('a[data-next]'), gone = false;
  function leave() {
    if (!gone) {
      gone = true;
      location.replace(next.href);
    }
  }
  addEventListener('load', function () { setTimeout(leave, 250); });
  setTimeout(leave, 5000);
})();
