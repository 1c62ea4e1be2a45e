<?php

// Everything that people read. AUTH_MODULE_PARAMS['words'] may replace each sentence, for another language.
return [
    'title' => 'Sign in',
    'start' => 'Sign in',
    'again' => 'Sign in with another login',
    'signed_out' => 'You have signed out of Time Tracker.',
    'not_signed_in' => 'You are not signed in to Time Tracker.',
    'signed_out_here' => 'You have signed out of Time Tracker, but {issuer} did not say where to sign out there. Close the browser to be sure.',

    'unknown' => 'Time Tracker has nobody with the login "{login}". Ask your manager to add you there, or sign in with another login.',
    'inactive' => 'The login "{login}" was deactivated or deleted in Time Tracker. Ask your manager there.',
    'no_group' => 'You cannot be added to Time Tracker: none of your groups ({groups}) is set up there. Ask your manager to add you.',
    'no_role' => 'You cannot be added to Time Tracker: your role "{role}" is not one that it gives to new people. Ask your manager to add you.',
    'full' => 'You cannot be added to Time Tracker: it has as many users as it may have. Ask its administrator.',
    'unfit' => 'You cannot be added to Time Tracker: your login or name is too long for it, or not allowed there. Ask your manager.',
    'nameless' => 'The sign-in said nothing by which Time Tracker could know you. Ask its administrator.',

    'state' => 'This sign-in was used already, took too long, or was begun in another browser. Please sign in again.',
    'denied' => 'You have not been signed in. Please sign in again, or ask your manager.',
    'two_factor' => 'Time Tracker asks for a code beside the password, and this sign-in had none. Ask your manager.',
    'later' => 'The sign-in is not available at the moment. Please try again in a minute.',
    'ended' => 'This sign-in has been ended meanwhile. Please sign in again.',
    'unreachable' => '{issuer} cannot be reached at the moment. Please try again in a minute, or tell the administrator.',
    'clock' => 'The clocks of Time Tracker and {issuer} differ too much. Tell the administrator.',
    'forged' => 'The answer of {issuer} could not be verified, so you have not been signed in. Please sign in again; if this stays, tell the administrator.',
    'misregistered' => 'Time Tracker is not registered at {issuer} as its settings say. Tell the administrator.',
    'store' => 'Time Tracker cannot write down that you have signed in. Tell the administrator.',
    'settings' => 'The sign-in of Time Tracker is not set up: {what}',
];
