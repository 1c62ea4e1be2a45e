<!DOCTYPE html>
<html lang="en"><head><title>{$title}</title></head><body>
{include file="$content_page_name"}
</body></html>
