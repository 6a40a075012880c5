"""Parameter Store as unmodified boto3 sees it: every operation, its limits, its errors and their words."""

import datetime
import itertools
import pathlib
import uuid

import pytest
from botocore.exceptions import ClientError
from conftest import boto

_names = itertools.count()


@pytest.fixture
def root():
    """A path of a test's own."""
    return f"/t{next(_names)}-{uuid.uuid4().hex[:6]}"


def put(ssm, name, value="value", **more):
    return ssm.put_parameter(Name=name, Value=value, **{"Type": "String", **more})


def found(answer):
    return [one["Name"] for one in answer["Parameters"]]


def message(refuses, code, call, **request):
    return refuses(code, call, **request)["Message"]


# Writing


def test_a_parameter_is_put_read_and_overwritten(ssm, root, refuses):
    before = datetime.datetime.now(datetime.timezone.utc)
    made = put(ssm, f"{root}/a", "one", Description="first")
    assert made["Version"] == 1 and made["Tier"] == "Standard"
    read = ssm.get_parameter(Name=f"{root}/a")["Parameter"]
    assert set(read) == {"Name", "Type", "Value", "Version", "LastModifiedDate", "ARN", "DataType"}
    assert (read["Name"], read["Value"], read["Type"], read["Version"], read["DataType"]) == (f"{root}/a", "one", "String", 1, "text")
    assert read["ARN"].startswith("arn:aws:ssm:eu-central-1:") and read["ARN"].endswith(f":parameter{root}/a")
    assert abs(read["LastModifiedDate"] - before) < datetime.timedelta(minutes=1)
    words = message(refuses, "ParameterAlreadyExists", ssm.put_parameter, Name=f"{root}/a", Value="two", Type="String")
    assert words == "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."
    assert ssm.put_parameter(Name=f"{root}/a", Value="two", Overwrite=True)["Version"] == 2
    assert ssm.get_parameter(Name=f"{root}/a")["Parameter"]["Value"] == "two"


def test_an_overwrite_keeps_what_it_does_not_say(ssm, root):
    put(ssm, f"{root}/a", "5", Description="how many", AllowedPattern=r"\d+", Tier="Advanced", Tags=[{"Key": "k", "Value": "v"}])
    ssm.put_parameter(Name=f"{root}/a", Value="6", Overwrite=True)
    (shown,) = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [f"{root}/a"]}])["Parameters"]
    assert (shown["Description"], shown["AllowedPattern"], shown["Tier"], shown["Version"]) == ("how many", r"\d+", "Advanced", 2)
    assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=f"{root}/a")["TagList"] == [{"Key": "k", "Value": "v"}]


def test_names_are_refused_as_upstream_does(ssm, refuses):
    prefix = 'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).'
    path = (
        'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by '
        "slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_"
    )
    for name in ("ssm_test", "SSM_TEST", "aws_test", "AWS_TEST"):
        assert message(refuses, "ValidationException", ssm.put_parameter, Name=name, Value="v", Type="String") == prefix
    for name in ("/ssm_test/x", "/SSM/X", "a b", "/a//b", "/a/", "a:1"):
        assert message(refuses, "ValidationException", ssm.put_parameter, Name=name, Value="v", Type="String") == path
    for name in ("/aws_test/x", "/AWS/X"):
        words = message(refuses, "AccessDeniedException", ssm.put_parameter, Name=name, Value="v", Type="String")
        assert words == f"No access to reserved parameter name: {name}."
    assert "fully qualified" in message(refuses, "ValidationException", ssm.put_parameter, Name="a/b", Value="v", Type="String")
    refuses("HierarchyLevelLimitExceededException", ssm.put_parameter, Name="/a" * 16, Value="v", Type="String")


def test_a_name_counts_with_its_arn(ssm_plain, refuses):
    """`arn:aws:ssm:eu-central-1:000000000000:parameter/` comes first; all of it has 1011 characters at most."""
    head = len("arn:aws:ssm:eu-central-1:000000000000:parameter/")
    name = uuid.uuid4().hex + "x" * (1011 - head - 32)
    ssm_plain.put_parameter(Name=f"/{name}", Value="v", Type="String")
    arn = ssm_plain.get_parameter(Name=name)["Parameter"]["ARN"]
    assert len(arn) == 1011 and ssm_plain.get_parameter(Name=arn)["Parameter"]["Value"] == "v"
    ssm_plain.delete_parameter(Name=name)
    words = refuses("ValidationException", ssm_plain.put_parameter, Name=f"{name}x", Value="v", Type="String")["Message"]
    assert "can't be longer than 1011 characters" in words


def test_spaces_around_a_name_do_not_count(ssm, root):
    put(ssm, f"  {root}/a ")
    assert ssm.get_parameter(Name=f" {root}/a  ")["Parameter"]["Name"] == f"{root}/a"


@pytest.mark.parametrize(
    "member, value, code, words",
    [
        ("Type", "str", "ValidationException", "Value 'str' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [SecureString, StringList, String]"),
        ("Value", "", "ValidationException", "Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1."),
        ("DataType", "not_text", "ValidationException", "The following data type is not supported: not_text (Data type names are all lowercase.)"),
        ("Tier", "Gold", "ValidationException", "Member must satisfy enum value set: [Standard, Advanced, Intelligent-Tiering]"),
        ("Value", "{{ssm:other}}", "ValidationException", "can't nest another parameter"),
        ("Value", "v" * 4097, "ValidationException", "Standard tier parameters support a maximum parameter value of 4096 characters."),
        ("AllowedPattern", "(", "InvalidAllowedPatternException", ""),
        ("AllowedPattern", r"\d{1,4}", "ParameterPatternMismatchException", r"Parameter value, cannot be validated against allowedPattern: \d{1,4}"),
        ("KeyId", "alias/aws/ssm", "ValidationException", ""),
        ("Policies", "nonsense", "ValidationException", ""),
    ],
)
def test_what_a_parameter_cannot_be(ssm_plain, root, member, value, code, words, refuses):
    client = boto_without_checks(ssm_plain)
    request = {"Name": f"{root}/x", "Value": "v", "Type": "String", member: value}
    assert words in refuses(code, client.put_parameter, **request)["Message"]
    refuses("ParameterNotFound", ssm_plain.get_parameter, Name=f"{root}/x")


def boto_without_checks(client):
    """The same client that sends what its model forbids."""
    made = boto(_hub_of(client), parameter_validation=False)
    return made


def _hub_of(client):
    class Hub:
        http = client.meta.endpoint_url
        key = client._request_signer._credentials.access_key
        secret = client._request_signer._credentials.secret_key

    return Hub


def test_a_new_parameter_needs_a_type_and_keeps_it(ssm, root, refuses):
    words = message(refuses, "ValidationException", ssm.put_parameter, Name=f"{root}/a", Value="v")
    assert words == "A parameter type is required when you create a parameter."
    put(ssm, f"{root}/a")
    refuses("HierarchyTypeMismatchException", ssm.put_parameter, Name=f"{root}/a", Value="v", Type="SecureString", Overwrite=True)
    assert ssm.put_parameter(Name=f"{root}/a", Value="v", Type="String", Overwrite=True)["Version"] == 2


def test_tags_and_overwrite_exclude_each_other(ssm, root, refuses):
    put(ssm, f"{root}/a")
    words = message(
        refuses, "ValidationException", ssm.put_parameter, Name=f"{root}/a", Value="v", Overwrite=True, Tags=[{"Key": "a", "Value": "b"}]
    )
    assert words.startswith("Invalid request: tags and overwrite can't be used together. To create a parameter with tags,")


def test_tiers(ssm, root, refuses):
    refuses("ValidationException", put, ssm, f"{root}/a", "v" * 8193, Tier="Advanced")
    assert put(ssm, f"{root}/a", "v" * 8192, Tier="Advanced")["Tier"] == "Advanced"
    words = message(refuses, "ValidationException", ssm.put_parameter, Name=f"{root}/a", Value="v", Tier="Standard", Overwrite=True)
    assert "You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier." in words
    assert put(ssm, f"{root}/b", "v", Tier="Intelligent-Tiering")["Tier"] == "Standard"
    assert put(ssm, f"{root}/c", "v" * 5000, Tier="Intelligent-Tiering")["Tier"] == "Advanced"
    assert put(ssm, f"{root}/d", "v" * 1_000_000, Tier="Intelligent-Tiering")["Tier"] == "Advanced"
    assert len(ssm.get_parameter(Name=f"{root}/d")["Parameter"]["Value"]) == 1_000_000


def test_data_types(ssm, root, refuses):
    assert put(ssm, f"{root}/image", "ami-12345678", DataType="aws:ec2:image")["Version"] == 1
    assert ssm.get_parameter(Name=f"{root}/image")["Parameter"]["DataType"] == "aws:ec2:image"
    refuses("ValidationException", put, ssm, f"{root}/hook", "x", DataType="aws:ssm:integration")
    refuses("ValidationException", put, ssm, f"{root}/hook", "x", Type="SecureString", DataType="aws:ssm:integration")
    put(ssm, f"{root}/hook", '{"url": "http://localhost"}', Type="SecureString", DataType="aws:ssm:integration")
    good = {"text": "x", "integer": "443", "float": "2.5", "boolean": "true", "binary": "aGVsbG8=", "hostname": "db-1.example.com", "email": "a@b.example",
            "ipv4-address": "192.0.2.1", "ipv6-address": "2001:db8::1", "url": "https://example.com/", "json": "[1]", "jsonc": "[1] // one",
            "aws:region": "eu-west-1", "aws:account:id": "123456789012"}  # fmt: skip
    for data_type, value in good.items():
        put(ssm, f"{root}/{data_type.replace(':', '-')}", value, DataType=data_type)
        assert ssm.get_parameter(Name=f"{root}/{data_type.replace(':', '-')}")["Parameter"]["Value"] == value
        if data_type != "text":
            refuses("ValidationException", put, ssm, f"{root}/bad", "\x00 no value of any type", DataType=data_type)
    # The type stays when a new value comes without one, and judges it.
    refuses("ValidationException", put, ssm, f"{root}/integer", "many", Overwrite=True)
    named = model_types(ssm)
    assert named == {*good, "aws:ec2:image", "aws:ssm:integration"}


def model_types(ssm):
    """What the installed service model says that there is."""
    words = ssm.meta.service_model.shape_for("PutParameterRequest").members["DataType"].documentation
    listed = words.partition("<ul>")[2].partition("</ul>")[0]
    return {item.partition("</code>")[0] for item in listed.split("<code>")[1:]}


@pytest.mark.parametrize("region, partition", [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("ap-northeast-1", "aws")])
def test_arns_carry_the_callers_region(hub, root, region, partition):
    ssm = boto(hub, region=region)
    put(ssm, f"{root}/a")
    assert ssm.get_parameter(Name=f"{root}/a")["Parameter"]["ARN"].startswith(f"arn:{partition}:ssm:{region}:")
    (shown,) = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [f"{root}/a"]}])["Parameters"]
    assert shown["LastModifiedUser"].startswith(f"arn:{partition}:iam::") and shown["LastModifiedUser"].endswith(":user/admin")


# Reading


def test_one_level_needs_no_slash(ssm, root, refuses):
    name = root.strip("/")
    put(ssm, name)
    assert ssm.get_parameter(Name=name)["Parameter"]["Name"] == name
    assert ssm.get_parameter(Name=f"/{name}")["Parameter"]["Name"] == f"/{name}"
    assert ssm.get_parameters(Names=[f"/{name}"])["Parameters"][0]["Name"] == f"/{name}"
    arn = ssm.get_parameter(Name=name)["Parameter"]["ARN"]
    assert arn.endswith(f":parameter/{name}")
    assert ssm.get_parameter(Name=arn)["Parameter"]["Name"] == name
    refuses("ParameterAlreadyExists", put, ssm, f"/{name}")


def test_a_missing_parameter_is_named(ssm, refuses):
    for call in (ssm.get_parameter, ssm.delete_parameter, ssm.get_parameter_history):
        assert message(refuses, "ParameterNotFound", call, Name="test_noexist") == "Parameter test_noexist not found."
    words = message(refuses, "ValidationException", ssm.get_parameter, Name="a/b/c")
    assert "sub-paths divided by slash symbol" in words


def test_a_secret_of_secrets_manager_is_read_in_the_clear_or_not_at_all(ssm, refuses):
    name = "/aws/reference/secretsmanager/nothing"
    words = message(refuses, "ParameterNotFound", ssm.get_parameter, Name=name, WithDecryption=True)
    assert words.endswith(f"referencing Secrets Manager: Secret {name} not found.")
    for flag in ({}, {"WithDecryption": False}):
        words = message(refuses, "ValidationException", ssm.get_parameter, Name=name, **flag)
        assert words == "WithDecryption flag must be True for retrieving a Secret Manager secret."


def test_selectors(ssm, root, refuses):
    name = f"{root}/a"
    put(ssm, name, "one")
    ssm.put_parameter(Name=name, Value="two", Overwrite=True)
    ssm.label_parameter_version(Name=name, ParameterVersion=1, Labels=["prod"])
    for selector, value in ((":1", "one"), (":2", "two"), (":prod", "one")):
        read = ssm.get_parameter(Name=name + selector)["Parameter"]
        assert (read["Name"], read["Value"], read["Selector"]) == (name, value, selector)
    arn = ssm.get_parameter(Name=name)["Parameter"]["ARN"]
    assert ssm.get_parameter(Name=f"{arn}:prod")["Parameter"]["Value"] == "one"
    assert message(refuses, "ParameterNotFound", ssm.get_parameter, Name=f"{name}:2:3") == f"Parameter {name}:2:3 not found."
    words = message(refuses, "ParameterVersionNotFound", ssm.get_parameter, Name=f"{name}:3")
    assert words == f"Systems Manager could not find version 3 of {name}. Verify the version and try again."
    refuses("ParameterVersionNotFound", ssm.get_parameter, Name=f"{name}:other")
    assert message(refuses, "ParameterNotFound", ssm.get_parameter, Name=f"{name}x:2") == f"Parameter {name}x:2 not found."


def test_get_parameters(ssm, root, refuses):
    for name in "ba":
        put(ssm, f"{root}/{name}", name)
    answer = ssm.get_parameters(Names=[f"{root}/b", f"{root}/a", f"{root}/a", f"{root}/a:9", "none", "not a name"])
    assert found(answer) == [f"{root}/a", f"{root}/b"]
    assert sorted(answer["InvalidParameters"]) == sorted([f"{root}/a:9", "none", "not a name"])
    names = [f"n{n}" for n in range(11)]
    words = message(refuses, "ValidationException", ssm.get_parameters, Names=names)
    assert words == (
        f"1 validation error detected: Value '[{', '.join(names)}]' at 'names' failed to satisfy constraint: "
        "Member must have length less than or equal to 10."
    )


def test_by_path(ssm, root, refuses):
    for name in ("1", "2", "b/3", "b/c/4", "bb/5"):
        put(ssm, f"{root}/{name}", name)
    put(ssm, f"{root}/list", "a,b", Type="StringList")
    put(ssm, f"{root}/secret", "s", Type="SecureString")

    def at(path="", **more):
        return [name.removeprefix(f"{root}/") for name in found(ssm.get_parameters_by_path(Path=root + path, **more))]

    assert at() == ["1", "2", "list", "secret"]
    assert at("/") == at()
    assert at(Recursive=True) == ["1", "2", "b/3", "b/c/4", "bb/5", "list", "secret"]
    assert at("/b") == ["b/3"] and at("/b", Recursive=True) == ["b/3", "b/c/4"] and at("/b/3") == []
    assert at(ParameterFilters=[{"Key": "Type", "Values": ["StringList"]}]) == ["list"]
    assert at(ParameterFilters=[{"Key": "Type", "Option": "BeginsWith", "Values": ["String"]}]) == ["1", "2", "list"]
    assert at(ParameterFilters=[{"Key": "KeyId", "Values": ["alias/aws/ssm"]}]) == ["secret"]
    ssm.label_parameter_version(Name=f"{root}/1", Labels=["L"])
    ssm.put_parameter(Name=f"{root}/1", Value="newer", Overwrite=True)
    (labelled,) = ssm.get_parameters_by_path(Path=root, ParameterFilters=[{"Key": "Label", "Values": ["L"]}])["Parameters"]
    ssm.label_parameter_version(Name=f"{root}/2", Labels=["M", "N", "O"])
    several = {"Path": root, "ParameterFilters": [{"Key": "Label", "Values": ["L", "M", "N", "O"]}]}
    for size in (1, 2, 3, 10):
        pages = ssm.get_paginator("get_parameters_by_path").paginate(**several, PaginationConfig={"PageSize": size})
        assert [p["Selector"] for page in pages for p in page["Parameters"]] == [":L", ":M", ":N", ":O"], size
    assert (labelled["Value"], labelled["Version"], labelled["Selector"]) == ("1", 1, ":L")
    for key in ("Name", "Path", "Tier"):
        words = message(
            refuses, "InvalidFilterKey", ssm.get_parameters_by_path, Path=root, ParameterFilters=[{"Key": key, "Values": ["x"]}]
        )
        assert words == f"The following filter key is not valid: {key}. Valid filter keys include: [Type, KeyId]."
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=root, Recursive=True, PaginationConfig={"PageSize": 3})
    assert [len(page["Parameters"]) for page in pages] == [3, 3, 1]
    refuses("InvalidNextToken", ssm.get_parameters_by_path, Path=root, NextToken="nonsense")
    refuses("ValidationException", ssm.get_parameters_by_path, Path=root, MaxResults=11)
    assert "must begin with a forward slash" in message(refuses, "ValidationException", ssm.get_parameters_by_path, Path="x")


# Lists


def test_describe_shows_everything_but_the_value(ssm, root):
    put(ssm, f"{root}/a", Description="words", AllowedPattern=".*", Tags=[{"Key": "k", "Value": "v"}])
    put(ssm, f"{root}/b", Type="SecureString")
    a, b = ssm.describe_parameters(ParameterFilters=[{"Key": "Path", "Values": [root]}])["Parameters"]
    assert set(a) == {
        "Name", "ARN", "Type", "LastModifiedDate", "LastModifiedUser", "Description", "AllowedPattern", "Version", "Tier", "Policies", "DataType"
    }
    assert a["Policies"] == [] and a["Tier"] == "Standard" and "KeyId" not in a
    assert b["KeyId"] == "alias/aws/ssm" and "Description" not in b and "Value" not in b


def test_describe_filters(ssm, root):
    plain = root.strip("/")
    put(ssm, plain)
    put(ssm, f"{root}-2", Type="SecureString")
    put(ssm, f"{root}/x/y", Tags=[{"Key": plain, "Value": "east"}])
    put(ssm, f"{root}/x", Tags=[{"Key": plain, "Value": "west"}], Tier="Advanced")

    def by(key, option=None, *values, more=()):
        one = {"Key": key, **({"Option": option} if option else {}), **({"Values": list(values)} if values else {})}
        return found(ssm.describe_parameters(ParameterFilters=[one, *more], MaxResults=50))

    mine = {"Key": "Name", "Option": "Contains", "Values": [plain]}
    assert by("Name", None, plain) == by("Name", "Equals", root) == [plain]
    assert by("Name", "BeginsWith", plain) == [plain, f"{root}-2", f"{root}/x", f"{root}/x/y"]
    assert by("Name", "Contains", root[2:]) == by("Name", "BeginsWith", root)
    assert by("Path", None, root) == [f"{root}/x"]
    assert by("Path", "Recursive", root) == [f"{root}/x", f"{root}/x/y"]
    assert by("Type", None, "SecureString", more=[mine]) == [f"{root}-2"]
    assert by("KeyId", "BeginsWith", "alias/", more=[mine]) == [f"{root}-2"]
    assert by("Tier", None, "Advanced", more=[mine]) == [f"{root}/x"]
    assert by("DataType", None, "text", more=[mine]) == by("Name", "BeginsWith", root)
    assert by(f"tag:{plain}") == [f"{root}/x", f"{root}/x/y"]
    assert by(f"tag:{plain}", "Equals", "east") == [f"{root}/x/y"]
    assert by(f"tag:{plain}", "BeginsWith", "we") == [f"{root}/x"]
    assert found(ssm.describe_parameters(Filters=[{"Key": "Name", "Values": [plain]}], MaxResults=50)) == by("Name", "BeginsWith", root)
    assert ssm.describe_parameters(Shared=True)["Parameters"] == []


@pytest.mark.parametrize(
    "filters, words",
    [
        ([{"Key": "key"}], "Member must satisfy regular expression pattern: tag:.+|Name|Type|KeyId|Path|Label|Tier"),
        ([{"Key": "tag:" + "t" * 129}], "Member must have length less than or equal to 132"),
        ([{"Key": "Name", "Option": "over 10 chars"}], "Member must have length less than or equal to 10"),
        ([{"Key": "Name", "Values": ["test"] * 51}], "Member must have length less than or equal to 50"),
        ([{"Key": "Name", "Values": ["t" * 1025]}], "Member must have length less than or equal to 1024, Member must have length greater than or equal to 1"),
        ([{"Key": "Name", "Option": "over 10 chars"}, {"Key": "key"}], "2 validation errors detected:"),
        ([{"Key": "Label"}], "The following filter key is not valid: Label. Valid filter keys include: [Path, Name, Type, KeyId, Tier]"),
        ([{"Key": "Name"}], "The following filter values are missing : null for filter key Name"),
        ([{"Key": "Name", "Values": ["a"]}, {"Key": "Name", "Values": ["b"]}], "The following filter is duplicated in the request: Name."),
        ([{"Key": "Path", "Values": ["/aws", "/ssm"]}], "Filters for common parameters can't be prefixed with"),
        ([{"Key": "Path", "Option": "Equals", "Values": ["test"]}], "The following filter option is not valid: Equals. Valid options include: [Recursive, OneLevel]"),
        ([{"Key": "Tier", "Values": ["test"]}], "The following filter value is not valid: test. Valid values include: [Standard, Advanced, Intelligent-Tiering]"),
        ([{"Key": "Type", "Values": ["test"]}], "The following filter value is not valid: test. Valid values include: [String, StringList, SecureString]"),
        ([{"Key": "Name", "Option": "option", "Values": ["test"]}], "The following filter option is not valid: option. Valid options include: [BeginsWith, Equals]."),
        ([{"Key": "Path", "Values": ["/###"]}], "The parameter doesn't meet the parameter name requirements"),
        ([{"Key": "Path", "Values": ["//"]}], "The parameter doesn't meet the parameter name requirements"),
    ],
)
def test_bad_filters(ssm_plain, filters, words):
    with pytest.raises(ClientError) as caught:
        ssm_plain.describe_parameters(ParameterFilters=filters)
    assert words in caught.value.response["Error"]["Message"]


def test_the_two_forms_of_filters_exclude_each_other(ssm, refuses):
    one = [{"Key": "Name", "Values": ["x"]}]
    words = message(refuses, "ValidationException", ssm.describe_parameters, Filters=one, ParameterFilters=one)
    assert words == "You can use either Filters or ParameterFilters in a single request."


def test_describe_is_paged_by_ten(ssm_plain, root):
    for number in range(23):
        put(ssm_plain, f"{root}/{number:02}")
    below = [{"Key": "Path", "Values": [root]}]
    first = ssm_plain.describe_parameters(ParameterFilters=below)
    assert len(first["Parameters"]) == 10 and first["NextToken"]
    names = [
        name
        for page in ssm_plain.get_paginator("describe_parameters").paginate(ParameterFilters=below, PaginationConfig={"PageSize": 7})
        for name in found(page)
    ]
    assert names == [f"{root}/{number:02}" for number in range(23)]


# History and labels


def test_history(ssm, root, refuses):
    for number in range(3):
        put(ssm, f"{root}/a", f"v{number}", Description=f"d{number}", Overwrite=True)
    ssm.label_parameter_version(Name=f"{root}/a", ParameterVersion=2, Labels=["two"])
    kept = ssm.get_parameter_history(Name=f"{root}/a")["Parameters"]
    assert [(k["Version"], k["Value"], k["Description"], k["Labels"]) for k in kept] == [
        (1, "v0", "d0", []), (2, "v1", "d1", ["two"]), (3, "v2", "d2", [])
    ]
    assert "ARN" not in kept[0] and kept[0]["LastModifiedUser"].startswith("arn:aws:iam::")
    words = message(refuses, "ValidationException", ssm.get_parameter_history, Name=f"{root}/a", MaxResults=51)
    assert words == (
        "1 validation error detected: Value '51' at 'maxResults' failed to satisfy constraint: "
        "Member must have value less than or equal to 50."
    )
    pages = list(ssm.get_paginator("get_parameter_history").paginate(Name=f"{root}/a", PaginationConfig={"PageSize": 2}))
    assert [len(page["Parameters"]) for page in pages] == [2, 1]


def test_a_hundred_versions_are_kept(ssm_plain, root, refuses):
    name = f"{root}/many"
    for number in range(101):
        put(ssm_plain, name, f"v{number + 1}", Overwrite=True)
    kept = [k for page in ssm_plain.get_paginator("get_parameter_history").paginate(Name=name) for k in page["Parameters"]]
    assert len(kept) == 100 and kept[0]["Value"] == "v2" and kept[-1]["Value"] == "v101"
    ssm_plain.label_parameter_version(Name=name, ParameterVersion=2, Labels=["keep"])
    words = message(refuses, "ParameterMaxVersionLimitExceeded", ssm_plain.put_parameter, Name=name, Value="v", Overwrite=True)
    assert words == (
        f"You attempted to create a new version of {name} by calling the PutParameter API with the overwrite flag. Version 2, the oldest "
        "version, can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and try "
        "again."
    )
    ssm_plain.label_parameter_version(Name=name, ParameterVersion=50, Labels=["keep"])
    assert ssm_plain.put_parameter(Name=name, Value="v", Overwrite=True)["Version"] == 102


def test_labels(ssm, root, refuses):
    name = f"{root}/a"
    words = message(refuses, "ParameterNotFound", ssm.label_parameter_version, Name=name, Labels=["x"])
    assert words == f"Parameter {name} not found."
    put(ssm, name)
    put(ssm, name, "2", Overwrite=True)
    answer = ssm.label_parameter_version(Name=name, Labels=["a", "b", "9c", "awsx", "SSMx", "x/y"])
    assert answer["ParameterVersion"] == 2 and answer["InvalidLabels"] == ["9c", "awsx", "SSMx", "x/y"]
    assert ssm.label_parameter_version(Name=name, ParameterVersion=1, Labels=["a"])["InvalidLabels"] == []
    labels = {k["Version"]: k["Labels"] for k in ssm.get_parameter_history(Name=name)["Parameters"]}
    assert labels == {1: ["a"], 2: ["b"]}
    words = message(refuses, "ParameterVersionNotFound", ssm.label_parameter_version, Name=name, ParameterVersion=5, Labels=["x"])
    assert words == f"Systems Manager could not find version 5 of {name}. Verify the version and try again."
    refuses("ParameterVersionLabelLimitExceeded", ssm.label_parameter_version, Name=name, Labels=[f"l{n}" for n in range(10)])
    assert ssm.get_parameter_history(Name=name)["Parameters"][1]["Labels"] == ["b"], "nothing was done by halves"
    taken = ssm.unlabel_parameter_version(Name=name, ParameterVersion=2, Labels=["a", "b"])
    assert (taken["RemovedLabels"], taken["InvalidLabels"]) == (["b"], ["a"])
    long = "a" * 101
    words = message(refuses, "ValidationException", ssm.label_parameter_version, Name=name, Labels=[long])
    assert words == (
        f"1 validation error detected: Value '[{long}]' at 'labels' failed to satisfy constraint: Member must satisfy constraint: [Member "
        "must have length less than or equal to 100, Member must have length greater than or equal to 1]"
    )


def test_deletion(ssm, root, refuses):
    put(ssm, f"{root}/a", Tags=[{"Key": "k", "Value": "v"}])
    put(ssm, f"{root}/b")
    assert set(ssm.delete_parameter(Name=f"{root}/a")) == {"ResponseMetadata"}
    refuses("InvalidResourceId", ssm.list_tags_for_resource, ResourceType="Parameter", ResourceId=f"{root}/a")
    answer = ssm.delete_parameters(Names=[f"{root}/a", f"{root}/b"])
    assert (answer["DeletedParameters"], answer["InvalidParameters"]) == ([f"{root}/b"], [f"{root}/a"])
    assert put(ssm, f"{root}/a")["Version"] == 1, "a name may be used again"
    assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=f"{root}/a")["TagList"] == []


def test_tags(ssm, root, refuses):
    name = root.strip("/")
    tag = {"Key": "env", "Value": "prod"}
    refuses("InvalidResourceId", ssm.add_tags_to_resource, ResourceType="Parameter", ResourceId=name, Tags=[tag])
    put(ssm, name)
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=f"/{name}", Tags=[tag])
    assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"] == [tag]
    ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId=name, TagKeys=["env"])
    assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"] == []


# Policies


def policy(kind, **attributes):
    import json

    return json.dumps({"Type": kind, "Version": "1.0", "Attributes": attributes})


def test_policies(ssm, root, refuses):
    expiry = policy("Expiration", Timestamp="2040-12-02T21:34:33.000Z")
    warning = policy("ExpirationNotification", Before="15", Unit="Days")
    stale = policy("NoChangeNotification", After="20", Unit="Hours")
    refuses("ValidationException", put, ssm, f"{root}/a", Policies=f"[{stale}]")
    put(ssm, f"{root}/a", Tier="Advanced", Policies=f"[{expiry},{warning},{stale}]")
    assert put(ssm, f"{root}/b", Tier="Intelligent-Tiering", Policies=f"[{stale}]")["Tier"] == "Advanced"

    def shown():
        (one,) = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [f"{root}/a"]}])["Parameters"]
        return [(p["PolicyType"], p["PolicyStatus"]) for p in one["Policies"]]

    all_three = [("Expiration", "Pending"), ("ExpirationNotification", "Pending"), ("NoChangeNotification", "Pending")]
    assert shown() == all_three
    ssm.put_parameter(Name=f"{root}/a", Value="v", Overwrite=True)
    assert shown() == all_three, "policies stay until new ones come"
    ssm.put_parameter(Name=f"{root}/a", Value="v", Overwrite=True, Policies="[{}]")
    assert shown() == []
    for code, text in (
        ("InvalidPolicyTypeException", '[{"Type": "Other", "Version": "1.0", "Attributes": {}}]'),
        ("InvalidPolicyAttributeException", f'[{policy("Expiration", Timestamp="soon")}]'),
        ("IncompatiblePolicyException", f"[{expiry},{expiry}]"),
        ("IncompatiblePolicyException", f"[{warning}]"),
        ("PoliciesLimitExceededException", "[" + ",".join([stale] * 11) + "]"),
    ):
        refuses(code, put, ssm, f"{root}/c", Tier="Advanced", Policies=text)


# Secrets


def test_secrets(ssm, hub, root, refuses):
    secret = f"plain-{uuid.uuid4().hex}"
    put(ssm, f"{root}/s", secret, Type="SecureString")
    sealed = ssm.get_parameter(Name=f"{root}/s")["Parameter"]["Value"]
    assert secret not in sealed and len(sealed) > 40
    assert ssm.get_parameter(Name=f"{root}/s", WithDecryption=True)["Parameter"]["Value"] == secret
    assert ssm.get_parameters(Names=[f"{root}/s"], WithDecryption=True)["Parameters"][0]["Value"] == secret
    assert ssm.get_parameters_by_path(Path=root, WithDecryption=True)["Parameters"][0]["Value"] == secret
    assert ssm.get_parameter_history(Name=f"{root}/s", WithDecryption=True)["Parameters"][0]["Value"] == secret
    assert ssm.get_parameter_history(Name=f"{root}/s")["Parameters"][0]["Value"] == sealed
    refuses("InvalidKeyId", put, ssm, f"{root}/t", Type="SecureString", KeyId="alias/none")
    refuses("InvalidKeyId", put, ssm, f"{root}/t", Type="SecureString", KeyId="arn:aws:kms:eu-central-1:123456789012:key/none")
    refuses("InvalidKeyId", put, ssm, f"{root}/t", Type="SecureString", KeyId="arn:aws:kms:eu-central-1:123456789012:alias/aws/ssm")
    put(ssm, f"{root}/u", secret, Type="SecureString", KeyId="arn:aws:kms:eu-central-1:000000000000:alias/aws/ssm")
    ssm.delete_parameter(Name=f"{root}/u")
    for file in pathlib.Path(hub.folder).rglob("*"):
        if file.is_file():
            assert secret.encode() not in file.read_bytes(), file


def test_keys(ssm, hub, root, refuses):
    alias = f"alias/k{uuid.uuid4().hex[:8]}"
    made = hub.api.hub("CreateSecretKey", Alias=alias)["Key"]
    put(ssm, f"{root}/s", "x", Type="SecureString", KeyId=alias)
    for named in (made["KeyId"], made["ARN"]):
        ssm.put_parameter(Name=f"{root}/s", Value="x", KeyId=named, Overwrite=True)
    hub.api.hub("DisableSecretKey", KeyId=alias)
    refuses("InvalidKeyId", ssm.get_parameter, Name=f"{root}/s", WithDecryption=True)
    refuses("InvalidKeyId", ssm.get_parameters_by_path, Path=root, WithDecryption=True)
    refuses("InvalidKeyId", ssm.put_parameter, Name=f"{root}/s", Value="y", Overwrite=True)
    ssm.get_parameter(Name=f"{root}/s")
    hub.api.hub("EnableSecretKey", KeyId=alias)
    assert ssm.get_parameter(Name=f"{root}/s", WithDecryption=True)["Parameter"]["Value"] == "x"
