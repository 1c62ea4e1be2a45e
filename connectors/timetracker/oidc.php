<?php

// The one address of the connector: where a sign-in begins and its answer comes to, where a browser lands that has signed out, and
// where the provider tells by POST that somebody has signed out elsewhere.

if (($_SERVER['REQUEST_METHOD'] ?? '') === 'POST') {
    require __DIR__ . '/WEB-INF/config.php';
    foreach (['Trouble', 'Settings', 'Store', 'Http', 'Jwt', 'Claims', 'Provider', 'Backchannel'] as $part) {
        require __DIR__ . "/WEB-INF/lib/auth/oidc/$part.php";
    }
    [$status, $answer] = AUTH_MODULE === 'oidc'
        ? Countersign\TimeTracker\Backchannel::answer($GLOBALS['AUTH_MODULE_PARAMS'] ?? [], $_POST)
        : [404, ['error' => 'not_in_use']];
    http_response_code($status);
    header('Cache-Control: no-store');
    header('Content-Type: application/json');
    echo json_encode((object) $answer);
    exit();
}

require_once 'initialize.php';

if (!($auth instanceof Auth_oidc)) {
    header('Location: login.php');
    exit();
}
$auth->page($_GET);
