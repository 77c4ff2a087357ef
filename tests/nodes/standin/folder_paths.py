import mimetypes
import os

base_path = os.path.join(os.path.dirname(__file__), "nowhere")
models_dir = os.path.join(base_path, "models")
input_directory, temp_directory = os.path.join(base_path, "input"), os.path.join(base_path, "temp")
user_directory = os.path.join(base_path, "user")
output_directory = os.path.join(base_path, "output")
folder_names_and_paths = {}


def set_input_directory(path):
    global input_directory
    input_directory = path


def set_output_directory(path):
    global output_directory
    output_directory = path


def set_temp_directory(path):
    global temp_directory
    temp_directory = path


def get_input_directory():
    return input_directory


def get_output_directory():
    return output_directory


def get_temp_directory():
    return temp_directory


def get_system_user_directory(name):
    return os.path.join(user_directory, f"__{name}")


def add_model_folder_path(name, path, is_default=False):
    paths, _ = folder_names_and_paths.setdefault(name, ([], set()))
    if path in paths and is_default:
        paths.remove(path)
    if path not in paths:
        paths.insert(0 if is_default else len(paths), path)


def get_folder_paths(name):
    return folder_names_and_paths[name][0][:]


def filter_files_content_types(files, content_types):
    return [
        f for f in files if (mimetypes.guess_type(f, strict=False)[0] or "/").split("/")[0] in content_types
    ]


def get_annotated_filepath(name):
    return os.path.abspath(os.path.join(input_directory, name))


def exists_annotated_filepath(name):
    return os.path.exists(get_annotated_filepath(name))
