<?php

// Names every place below a folder that PHP 7.4 could not run: php php74.php FOLDER

$functions = array(
    'str_contains', 'str_starts_with', 'str_ends_with', 'get_debug_type', 'get_resource_id', 'fdiv', 'preg_last_error_msg',
    'array_is_list', 'fsync', 'enum_exists', 'ini_parse_quantity', 'curl_upkeep', 'json_validate', 'mb_str_pad', 'str_increment',
    'array_find', 'array_any', 'array_all', 'mb_trim',
);
$types = array('mixed', 'never', 'true', 'null', 'false');

function problems(array $tokens)
{
    global $functions, $types;
    $found = array();
    $text = static fn ($at) => isset($tokens[$at]) ? (is_array($tokens[$at]) ? $tokens[$at][1] : $tokens[$at]) : '';
    $is = static fn ($at, $kind) => isset($tokens[$at]) && is_array($tokens[$at]) && in_array($tokens[$at][0], (array) $kind, true);
    $open = array();      // what each open parenthesis belongs to: 'call', 'parameters', 'catch' or 'other'
    $in_parameters = false;
    foreach ($tokens as $at => $token) {
        $line = is_array($token) ? $token[2] : ($line ?? 1);
        $name = strtolower($text($at));
        if ($is($at, array(T_MATCH, T_NULLSAFE_OBJECT_OPERATOR, T_ENUM, T_READONLY, T_ATTRIBUTE))) {
            $found[] = array($line, $name);
        }
        if ($is($at, T_STRING) && in_array($name, $functions, true) && $text($at + 1) === '(') {
            $found[] = array($line, $name);
        }
        if ($is($at, T_THROW) && !in_array($text($at - 1), array(';', '{', '}', ')', ':', '<?php' . "\n"), true)) {
            $found[] = array($line, 'throw as an expression');
        }
        if ($token === '(') {
            $before = $at - 1;
            $function = $is($before, T_FUNCTION) || $is($before, T_FN) || $is($before - 1, T_FUNCTION) || $text($before - 1) === '&';
            $kind = $function || $is($before, T_USE) ? 'parameters' : ($is($before, T_CATCH) ? 'catch' : 'other');
            if ($kind === 'other' && ($is($before, array(T_STRING, T_VARIABLE, T_STATIC, T_NAME_QUALIFIED, T_NAME_FULLY_QUALIFIED)) || in_array($text($before), array(')', ']'), true))) {
                $kind = 'call';
            }
            if ($function && strtolower($text($before)) === '__construct') {
                $kind = 'constructor';
            }
            $open[] = $kind;
            if ($text($at + 1) === '...' && $text($at + 2) === ')') {
                $found[] = array($line, 'first-class callable');
            }
        }
        $inside = end($open);
        if ($inside === 'constructor' && $is($at, array(T_PUBLIC, T_PROTECTED, T_PRIVATE))) {
            $found[] = array($line, 'promoted property');
        }
        // A name and a colon after "(" or ",": a named argument. What follows "?" is another matter, and has no comma before it.
        if ($inside === 'call' && $is($at, T_STRING) && $text($at + 1) === ':' && in_array($text($at - 1), array('(', ','), true)) {
            $found[] = array($line, 'named argument');
        }
        if (in_array($inside, array('parameters', 'constructor'), true) && $token === ')' && $text($at - 1) === ',') {
            $found[] = array($line, 'trailing comma in parameters');
        }
        if ($is($at, T_CLASS) && $is($at - 1, T_DOUBLE_COLON) && !$is($at - 2, array(T_STRING, T_STATIC, T_NAME_QUALIFIED, T_NAME_FULLY_QUALIFIED))) {
            $found[] = array($line, '::class of an object');
        }
        if ($inside === 'catch' && $token === ')' && !$is($at - 1, T_VARIABLE)) {
            $found[] = array($line, 'catch without a variable');
        }
        $typed = in_array($inside, array('parameters', 'constructor'), true)
            || ($text($at - 1) === ':' && $text($at - 2) === ')')
            || ($is($at - 1, array(T_PUBLIC, T_PROTECTED, T_PRIVATE)));
        if ($typed && $is($at, array(T_STRING, T_STATIC, T_ARRAY)) && $text($at + 1) === '|') {
            $found[] = array($line, 'union type');
        }
        if ($typed && ($is($at, T_STRING) || $is($at, T_STATIC)) && ($is($at + 1, T_VARIABLE) || ($text($at - 1) === ':' && in_array($text($at + 1), array('{', '=>'), true)))
            && (in_array($name, $types, true) || ($name === 'static' && $text($at - 1) === ':'))) {
            $found[] = array($line, "type $name");
        }
        if ($token === ')') {
            array_pop($open);
        }
    }
    return $found;
}

$count = 0;
$wrong = 0;
foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($argv[1], FilesystemIterator::SKIP_DOTS)) as $file) {
    if ($file->getExtension() !== 'php') {
        continue;
    }
    $count++;
    $unread = static fn ($token) => !is_array($token) || !in_array($token[0], array(T_WHITESPACE, T_COMMENT, T_DOC_COMMENT), true);
    $tokens = array_values(array_filter(token_get_all(file_get_contents($file->getPathname())), $unread));
    foreach (problems($tokens) as list($line, $what)) {
        $wrong++;
        echo "$file:$line: $what\n";
    }
}
echo "$count files\n";
exit($wrong === 0 && $count > 0 ? 0 : 1);
