-- Is a token signed with this key (HS256), and not expired? OpenSSL does the sum.
local cjson = require "cjson.safe"
local ffi = require "ffi"

ffi.cdef [[
const void *EVP_sha256(void);
unsigned char *HMAC(const void *md, const void *key, int key_len, const unsigned char *data, size_t n,
                    unsigned char *out, unsigned int *out_len);
]]
local crypto = ffi.load("crypto.so.3")
local M = {}

local function decoded(text)
    local plain = text:gsub("-", "+"):gsub("_", "/")
    return ngx.decode_base64(plain .. ("="):rep(-#plain % 4))
end

function M.claims(secret, token)
    local head, claims, signature = token:match("^([%w_-]+)%.([%w_-]+)%.([%w_-]+)$")
    if not head then
        return nil, "no JSON web token"
    end
    local kind, content = cjson.decode(decoded(head) or ""), cjson.decode(decoded(claims) or "")
    if type(kind) ~= "table" or kind.alg ~= "HS256" or type(content) ~= "table" then
        return nil, "not signed with HS256"
    end
    local data, sum = head .. "." .. claims, ffi.new("unsigned char[32]")
    crypto.HMAC(crypto.EVP_sha256(), secret, #secret, data, #data, sum, nil)
    if decoded(signature) ~= ffi.string(sum, 32) then
        return nil, "signature mismatch"
    end
    if type(content.exp) == "number" and content.exp < ngx.time() then
        return nil, "expired"
    end
    return content
end

function M.refuse(reason)
    ngx.log(ngx.WARN, "Invalid token: ", reason)
    ngx.exit(ngx.HTTP_UNAUTHORIZED)
end

return M
