<form method="post" action="login.php">
  <input name="login"><input name="password" type="password"><button id="submit">Login</button>
</form>
