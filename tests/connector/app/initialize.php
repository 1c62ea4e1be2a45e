<?php

// The hooks that the connector stands on, in the order in which Time Tracker's own initialize.php has them: settings, Smarty, a
// session whose cookie it sends again on every page, the module for signing in, and only then who is there.

define('APP_DIR', __DIR__);
define('LIBRARY_DIR', APP_DIR . '/WEB-INF/lib');
require_once LIBRARY_DIR . '/common.lib.php';
require_once 'WEB-INF/config.php';
$GLOBALS['AUTH_MODULE_PARAMS'] = $GLOBALS['AUTH_MODULE_PARAMS'] ?? array();

require_once 'smarty4/Smarty.class.php';
$smarty = new Smarty();
$smarty->setTemplateDir(APP_DIR . '/WEB-INF/templates');
$smarty->setCompileDir(APP_DIR . '/WEB-INF/templates_c');

session_set_cookie_params(86400);
if (isset($_COOKIE['tt_PHPSESSID'])) {
    setcookie('tt_PHPSESSID', $_COOKIE['tt_PHPSESSID'], time() + 86400, '/');
}
session_name('tt_PHPSESSID');
@session_start();

import('Auth');
$auth = Auth::factory(AUTH_MODULE, $GLOBALS['AUTH_MODULE_PARAMS']);

$user = null;
if ($auth->getUserId()) {
    $id = (int) $auth->getUserId();
    $user = getConnection()->query("SELECT id, login, name FROM tt_users WHERE id = $id AND status = 1")->fetchRow();
}
$smarty->assign('i18n', array('menu' => array('login' => 'Login')));
