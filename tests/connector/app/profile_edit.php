<?php

// Whether people see fields for a password, and whether a form of theirs could sign somebody in.

require_once 'initialize.php';
$by_form = $auth->doLogin($_POST['login'] ?? '', $_POST['password'] ?? '');
header('Content-Type: application/json');
echo json_encode(array('password_fields' => !$auth->isPasswordExternal(), 'signed_in_by_form' => $by_form));
