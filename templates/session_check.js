// OpenID Connect Session Management 1.0, section 3.2: an app's page asks whether the session that it knows is still the one here.
// Old script on purpose, with a SHA-256 of its own: the browser's is not there in every frame.
(function () {
  'use strict';
  var ROOTS = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
  ];
  var BEGIN = [
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
  ];

  function turned(word, by) {
    return (word >>> by) | (word << (32 - by));
  }

  // FIPS 180-4, section 6.2, over the letters of a string, each a byte; the answer is such a string too.
  function sha256(text) {
    var words = [], hash = BEGIN.slice(), length = text.length, i, at;
    for (i = 0; i < length; i += 1) {
      words[i >> 2] |= text.charCodeAt(i) << (24 - 8 * (i & 3));
    }
    words[length >> 2] |= 0x80 << (24 - 8 * (length & 3));
    var blocks = ((length + 8) >> 6) + 1;
    words[16 * blocks - 1] = length * 8;
    for (at = 0; at < 16 * blocks; at += 16) {
      block(words, at, hash);
    }
    var bytes = '';
    for (i = 0; i < 32; i += 1) {
      bytes += String.fromCharCode((hash[i >> 2] >>> (24 - 8 * (i & 3))) & 255);
    }
    return bytes;
  }

  function block(words, at, hash) {
    var w = [], v = hash.slice(), i, one, two;
    for (i = 0; i < 64; i += 1) {
      if (i < 16) {
        w[i] = words[at + i] | 0;
      } else {
        one = turned(w[i - 15], 7) ^ turned(w[i - 15], 18) ^ (w[i - 15] >>> 3);
        two = turned(w[i - 2], 17) ^ turned(w[i - 2], 19) ^ (w[i - 2] >>> 10);
        w[i] = (w[i - 16] + one + w[i - 7] + two) | 0;
      }
      one = v[7] + (turned(v[4], 6) ^ turned(v[4], 11) ^ turned(v[4], 25));
      one = (one + ((v[4] & v[5]) ^ (~v[4] & v[6])) + ROOTS[i] + w[i]) | 0;
      two = turned(v[0], 2) ^ turned(v[0], 13) ^ turned(v[0], 22);
      two = (two + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]))) | 0;
      v = [(one + two) | 0, v[0], v[1], v[2], (v[3] + one) | 0, v[4], v[5], v[6]];
    }
    for (i = 0; i < 8; i += 1) {
      hash[i] = (hash[i] + v[i]) | 0;
    }
  }

  function base64url(bytes) {
    return btoa(bytes).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
  }

  // What stands for the session, or since the last logout for none; nothing where the browser keeps our cookies from a frame.
  function browserState() {
    var name = document.querySelector('script[data-cookie]').getAttribute('data-cookie') + '=';
    var cookies = document.cookie.split('; '), i;
    for (i = 0; i < cookies.length; i += 1) {
      if (cookies[i].indexOf(name) === 0) {
        return cookies[i].slice(name.length);
      }
    }
    return '';
  }

  function answer(asked, origin) {
    var parts = typeof asked === 'string' && asked.length < 2000 ? asked.split(' ') : [];
    var known = parts.length === 2 ? parts[1].split('.') : [];
    if (parts[0] === '' || known.length !== 2 || known[0] === '' || known[1] === '') {
      return 'error';
    }
    // Told "changed" for want of a cookie, apps would sign out everybody whose browser keeps it from us (section 3.2: "error").
    var state = browserState();
    if (state === '') {
      return 'error';
    }
    var text = [parts[0], origin, state, known[1]].join(' ');
    return base64url(sha256(unescape(encodeURIComponent(text)))) === known[0] ? 'unchanged' : 'changed';
  }

  window.addEventListener('message', function (event) {
    // Whoever has no origin cannot be answered, and we do not talk to ourselves.
    if (event.source && event.source !== window && event.origin && event.origin !== 'null') {
      event.source.postMessage(answer(event.data, event.origin), event.origin);
    }
  }, false);
})();
