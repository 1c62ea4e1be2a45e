<?php

// Time Tracker's own form. What it posts goes to the module, which says whether it is right.

require_once 'initialize.php';
if ($_SERVER['REQUEST_METHOD'] === 'POST' && $auth->doLogin($_POST['login'], $_POST['password'])) {
    header('Location: index.php');
    exit();
}
$smarty->assign('title', 'Login');
$smarty->assign('content_page_name', 'login.' . AUTH_MODULE . '.tpl');
$smarty->display('index.tpl');
